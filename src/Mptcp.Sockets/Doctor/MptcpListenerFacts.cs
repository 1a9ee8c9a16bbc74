using System.Net;

namespace Mptcp.Sockets;

/// <summary>A listener, as the process that opened it knows it.</summary>
public sealed class MptcpListenerFacts
{
    /// <summary>Where it listens.</summary>
    public required EndPoint EndPoint { get; init; }

    /// <summary>Whether the listening socket is an MPTCP one.</summary>
    public required bool IsMptcp { get; init; }

    /// <summary>The reason why it is not, and a remedy; null when it is, or when the reason is not known.</summary>
    public string? WhyNotMptcp { get; init; }

    /// <summary>The mode that was configured; null when none was.</summary>
    public MptcpMode? Mode { get; init; }

    /// <summary>The congestion control that was set on it; null for the kernel's default.</summary>
    public string? CongestionControl { get; init; }
}
