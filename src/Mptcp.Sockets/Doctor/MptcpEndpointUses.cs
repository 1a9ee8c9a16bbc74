namespace Mptcp.Sockets;

/// <summary>What an endpoint of the path manager is for (<c>MPTCP_PM_ADDR_FLAG_*</c> of <c>linux/mptcp.h</c>).</summary>
[Flags]
public enum MptcpEndpointUses
{
    /// <summary>Nothing: it only gives an address its id.</summary>
    None = 0,

    /// <summary>It is announced to peers, which may open subflows to it.</summary>
    Signal = 1,

    /// <summary>Subflows are opened from it.</summary>
    Subflow = 2,

    /// <summary>Its subflows carry data only when no others do.</summary>
    Backup = 4,

    /// <summary>Subflows are opened from it to every address of the peer (Linux 5.15).</summary>
    FullMesh = 8,

    /// <summary>The kernel added it by itself (Linux 5.18).</summary>
    Implicit = 16,

    /// <summary>Subflows are opened from it to addresses that the peer announces (Linux 6.18).</summary>
    Laminar = 32,
}
