using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>
/// Options of <c>UseMptcp</c>. The configuration section <c>Mptcp</c> has the same keys and wins over code, so that
/// <c>Mptcp__Mode=Disabled</c> in the environment switches the server and the clients of the service collection off without a deploy. Everything that is not about Multipath
/// TCP stays in <see cref="SocketTransportOptions"/>.
/// </summary>
public sealed class MptcpTransportOptions
{
    /// <summary>
    /// Whether endpoints listen for Multipath TCP. Defaults to <see cref="MptcpMode.Preferred"/>. A single endpoint can differ:
    /// <see cref="MptcpEndPoint.Mode"/> in code, <c>Kestrel:Endpoints:NAME:Mptcp</c> in the configuration. Endpoints without their own
    /// settings take those of <c>Kestrel:EndpointDefaults:Mptcp</c>, and then this one. When this is <see cref="MptcpMode.Disabled"/>,
    /// all endpoints are plain TCP, also those that demand Multipath TCP: one warning at start names them. The short form in the
    /// configuration is <c>"Mptcp": "Disabled"</c>.
    /// </summary>
    public MptcpMode Mode { get; set; }

    /// <summary>
    /// What happens to connections that are accepted without Multipath TCP. Defaults to <see cref="MptcpFallback.Accept"/>. A
    /// single endpoint can differ, as with <see cref="Mode"/>.
    /// </summary>
    public MptcpFallback Fallback { get; set; }

    /// <summary>
    /// The congestion control of the accepted connections and their subflows, such as <c>cubic</c> or <c>bbr</c>
    /// (<c>TCP_CONGESTION</c>). Defaults to <see langword="null"/>: the kernel's default. With a name that the kernel does not have or
    /// does not allow, the host does not start.
    /// </summary>
    public string? CongestionControl { get; set; }

    /// <summary>
    /// The level of the one log line that a connection without Multipath TCP gets. Defaults to <see cref="LogLevel.Debug"/>. While
    /// this level is enabled for the category <c>Mptcp.AspNetCore.Transport</c>, each connection is asked for its status when accepted.
    /// </summary>
    public LogLevel FallbackLogLevel { get; set; } = LogLevel.Debug;

    /// <summary>
    /// How often the figures of live connections are read for the metrics: at most 10,000 connections at a time, and only while a meter listener
    /// wants them. Connections whose peer is gone and whose request never completes are removed from the list in the same interval. Defaults to
    /// 5 s; at least 1 ms, at most a day.
    /// </summary>
    public TimeSpan SamplingInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether <c>http.server.request.duration</c> has the attribute <c>mptcp.status</c>. Defaults to false: it multiplies the series.
    /// </summary>
    public bool TagRequestDuration { get; set; }
}
