namespace Mptcp.Sockets;

/// <summary>
/// The configuration of the kernel's path manager in this network namespace (generic netlink family <c>mptcp_pm</c>, <c>linux/mptcp_pm.h</c>,
/// Linux 5.6), as <c>ip mptcp</c> shows it. Reading it needs no privilege.
/// </summary>
public sealed class MptcpPathManagerFacts
{
    /// <summary>Why the rest is not known; null when it is.</summary>
    public string? WhyUnknown { get; init; }

    /// <summary>How many subflows a connection may have besides its first one (<c>subflows</c>; the kernel's default is 2); null when not known.</summary>
    public long? SubflowLimit { get; init; }

    /// <summary>
    /// How many addresses that its peer announces a connection may use (<c>add_addr_accepted</c>; the kernel's default is 0); null when not
    /// known.
    /// </summary>
    public long? AddAddrAcceptedLimit { get; init; }

    /// <summary>The endpoints; empty when there are none or when they are not known.</summary>
    public IReadOnlyList<MptcpEndpointFacts> Endpoints { get; init; } = [];
}
