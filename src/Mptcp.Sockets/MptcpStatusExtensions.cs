namespace Mptcp.Sockets;

/// <summary>A status in words for machines and as a sentence for people.</summary>
public static class MptcpStatusExtensions
{
    /// <summary>The status as a lower-case token, as in the header <c>Mptcp-Status</c>.</summary>
    /// <param name="status">The status.</param>
    /// <returns><c>active</c>, <c>not-negotiated</c>, <c>fell-back</c>, <c>unavailable</c> or <c>unknown</c>.</returns>
    public static string ToToken(this MptcpStatus status) => status switch
    {
        MptcpStatus.Active => "active",
        MptcpStatus.NotNegotiated => "not-negotiated",
        MptcpStatus.FellBack => "fell-back",
        MptcpStatus.Unavailable => "unavailable",
        _ => "unknown",
    };

    /// <summary>The status as a tag of metrics and spans: with underscores, by the rules of OpenTelemetry.</summary>
    /// <param name="status">The status.</param>
    /// <returns><c>active</c>, <c>not_negotiated</c>, <c>fell_back</c>, <c>unavailable</c> or <c>unknown</c>.</returns>
    public static string ToTagValue(this MptcpStatus status) => status switch
    {
        MptcpStatus.NotNegotiated => "not_negotiated",
        MptcpStatus.FellBack => "fell_back",
        _ => status.ToToken(),
    };

    /// <summary>The status as a sentence.</summary>
    /// <param name="status">The status.</param>
    /// <returns>One sentence without a full stop.</returns>
    public static string Explain(this MptcpStatus status) => status switch
    {
        MptcpStatus.Active => "the connection speaks Multipath TCP",
        MptcpStatus.NotNegotiated => "the connection is plain TCP: the client, or something on the way, did not offer Multipath TCP",
        MptcpStatus.FellBack => "the connection fell back to TCP: Multipath TCP was asked for, and the peer or something on the way refused it or removed its options",
        MptcpStatus.Unavailable => "the connection is plain TCP: this end was opened as TCP",
        _ => "it is not known whether the connection speaks Multipath TCP",
    };
}
