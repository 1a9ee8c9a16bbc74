namespace Mptcp.TestNetwork;

/// <summary>How a link breaks.</summary>
public enum Cut
{
    /// <summary>The client's device goes down, as when a phone leaves the Wi-Fi: its kernel knows.</summary>
    LinkDown,

    /// <summary>Packets vanish in both directions and no end is told.</summary>
    Silent,

    /// <summary>Every TCP segment is answered with a reset, as by a firewall that lost its state. Packets get no further.</summary>
    Reset,

    /// <summary>
    /// The client's addresses go, and with them its path manager's endpoints, as where a network manager looks after both: the
    /// server is told over the other paths (REMOVE_ADDR).
    /// </summary>
    AddressRemoved,
}
