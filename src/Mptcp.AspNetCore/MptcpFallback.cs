namespace Mptcp.AspNetCore;

/// <summary>What happens to a connection that is accepted without Multipath TCP.</summary>
public enum MptcpFallback
{
    /// <summary>It is served over TCP.</summary>
    Accept = 0,

    /// <summary>
    /// It is closed at once, before TLS and HTTP. An endpoint that could not accept anybody, for the host can't do Multipath TCP,
    /// does not start.
    /// </summary>
    Reject,
}
