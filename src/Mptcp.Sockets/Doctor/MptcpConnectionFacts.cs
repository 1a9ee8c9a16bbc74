namespace Mptcp.Sockets;

/// <summary>The connections that an application has accepted since it was started, as it counted them.</summary>
public sealed class MptcpConnectionFacts
{
    /// <summary>The number of connections that were accepted, over Multipath TCP and plain TCP together.</summary>
    public required long Accepted { get; init; }

    /// <summary>The number of them that were Multipath TCP when they were accepted.</summary>
    public required long Negotiated { get; init; }

    /// <summary>
    /// The number of those that are known to have fallen back to TCP later. It can be too low: a fallback is seen when a connection is asked for
    /// its status.
    /// </summary>
    public required long FellBack { get; init; }
}
