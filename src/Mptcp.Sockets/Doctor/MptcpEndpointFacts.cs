using System.Net;

namespace Mptcp.Sockets;

/// <summary>An address of this host that the kernel's path manager is to use (<c>ip mptcp endpoint</c>).</summary>
public sealed class MptcpEndpointFacts
{
    /// <summary>The address.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>Its id, from 1 to 255.</summary>
    public int Id { get; init; }

    /// <summary>What it is for.</summary>
    public MptcpEndpointUses Flags { get; init; }

    /// <summary>The port on which the kernel itself listens for further subflows to it; null when that is the application's listener.</summary>
    public int? Port { get; init; }

    /// <summary>The name of its network interface; null when it has none.</summary>
    public string? Interface { get; init; }
}
