using System.Net;

namespace Mptcp.Sockets;

/// <summary>A listener, as the process that opened it knows it.</summary>
public sealed class MptcpListenerFacts
{
    /// <summary>Where it listens.</summary>
    public required EndPoint EndPoint { get; init; }

    /// <summary>Whether the listening socket is an MPTCP one.</summary>
    public required bool IsMptcp { get; init; }

    /// <summary>Why it is not, and what to do about it; null when it is, or when nobody knows.</summary>
    public string? WhyNotMptcp { get; init; }

    /// <summary>What was asked for; null when nothing was.</summary>
    public MptcpMode? Mode { get; init; }

    /// <summary>The congestion control that was set on it; null for the kernel's default.</summary>
    public string? CongestionControl { get; init; }
}
