using System.Net;

namespace Mptcp.Sockets;

/// <summary>An address of this host.</summary>
public sealed class MptcpLocalAddress
{
    /// <summary>The address.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>The name of the network interface that has it.</summary>
    public required string Interface { get; init; }
}
