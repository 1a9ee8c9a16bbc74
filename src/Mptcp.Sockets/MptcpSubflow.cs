using System.Net;
using System.Net.NetworkInformation;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets;

/// <summary>
/// One path of an MPTCP connection, with the figures of its <c>struct tcp_info</c> (<c>linux/tcp.h</c>). All are of this end: what
/// it sent and received on this path.
/// </summary>
public sealed class MptcpSubflow
{
    // The kernel's "not measured yet".
    private const uint NoMinRtt = uint.MaxValue;

    private readonly NativeTcpInfo _native;

    internal MptcpSubflow(int? id, IPEndPoint localEndPoint, IPEndPoint remoteEndPoint, in NativeTcpInfo native)
    {
        Id = id;
        LocalEndPoint = localEndPoint;
        RemoteEndPoint = remoteEndPoint;
        _native = native;
    }

    /// <summary>
    /// The number of the subflow in its connection, never used twice (Linux 6.5; before it null). 0 with the address 0.0.0.0 is an
    /// initial subflow that was disconnected.
    /// </summary>
    public int? Id { get; }

    /// <summary>The address of this end; of a connection over IPv4 always an IPv4 one, also on a dual-stack socket.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>The address of the peer, in the same form. The port is 0 when the subflow is being closed at this moment.</summary>
    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>The TCP state. The initial subflow stays in the list after it is <see cref="TcpState.Closed"/>.</summary>
    public TcpState State => _native.tcpi_state switch
    {
        1 => TcpState.Established,
        2 => TcpState.SynSent,
        3 or 12 => TcpState.SynReceived,
        4 => TcpState.FinWait1,
        5 => TcpState.FinWait2,
        6 => TcpState.TimeWait,
        7 => TcpState.Closed,
        8 => TcpState.CloseWait,
        9 => TcpState.LastAck,
        10 => TcpState.Listen,
        11 => TcpState.Closing,
        _ => TcpState.Unknown,
    };

    /// <summary>Whether the subflow is closed and carries nothing any more.</summary>
    public bool IsClosed => State == TcpState.Closed;

    /// <summary>
    /// Whether the path looks dead: data was sent, nothing of it is acknowledged, and retransmission has backed off
    /// (<c>tcpi_unacked</c> and <c>tcpi_backoff</c>). The kernel itself says nothing of it.
    /// </summary>
    public bool LooksDead => !IsClosed && _native.tcpi_unacked > 0 && _native.tcpi_backoff > 0;

    /// <summary>The smoothed round-trip time, to the microsecond (<c>tcpi_rtt</c>).</summary>
    public TimeSpan RoundTripTime => TimeSpan.FromMicroseconds(_native.tcpi_rtt);

    /// <summary>How much the round-trip time varies, to the microsecond (<c>tcpi_rttvar</c>).</summary>
    public TimeSpan RoundTripTimeVariation => TimeSpan.FromMicroseconds(_native.tcpi_rttvar);

    /// <summary>The least round-trip time of late, to the microsecond; null when not measured yet (<c>tcpi_min_rtt</c>).</summary>
    public TimeSpan? MinimumRoundTripTime =>
        _native.tcpi_min_rtt == NoMinRtt ? null : TimeSpan.FromMicroseconds(_native.tcpi_min_rtt);

    /// <summary>The congestion window in segments (<c>tcpi_snd_cwnd</c>).</summary>
    public long CongestionWindowSegments => _native.tcpi_snd_cwnd;

    /// <summary>The congestion window in bytes: segments times <c>tcpi_snd_mss</c>.</summary>
    public long CongestionWindowBytes => (long)_native.tcpi_snd_cwnd * _native.tcpi_snd_mss;

    /// <summary>The rate at which the peer lately received, in bytes a second (<c>tcpi_delivery_rate</c>).</summary>
    public long DeliveryRate => (long)_native.tcpi_delivery_rate;

    /// <summary>The bytes sent, with those sent again (<c>tcpi_bytes_sent</c>).</summary>
    public long BytesSent => (long)_native.tcpi_bytes_sent;

    /// <summary>The bytes received (<c>tcpi_bytes_received</c>).</summary>
    public long BytesReceived => (long)_native.tcpi_bytes_received;

    /// <summary>The bytes that the peer acknowledged (<c>tcpi_bytes_acked</c>). TCP counts the SYN as one.</summary>
    public long BytesAcknowledged => (long)_native.tcpi_bytes_acked;

    /// <summary>The bytes sent again on this path (<c>tcpi_bytes_retrans</c>).</summary>
    public long BytesRetransmitted => (long)_native.tcpi_bytes_retrans;

    /// <summary>The segments sent again on this path (<c>tcpi_total_retrans</c>).</summary>
    public long SegmentsRetransmitted => _native.tcpi_total_retrans;

    /// <summary>The segments that are held for lost now (<c>tcpi_lost</c>).</summary>
    public long SegmentsLost => _native.tcpi_lost;

    /// <summary>The two addresses.</summary>
    /// <returns>Such as <c>192.0.2.1:443 → 198.51.100.9:51544</c>.</returns>
    public override string ToString() => $"{LocalEndPoint} → {RemoteEndPoint}";
}
