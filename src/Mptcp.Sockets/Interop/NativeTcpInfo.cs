using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>
/// The part of <c>struct tcp_info</c> of <c>linux/tcp.h</c> that is shown, with the kernel's field names. Every kernel that has MPTCP
/// has all of it (the last fields came with Linux 4.19).
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 216)]
internal struct NativeTcpInfo
{
    /// <summary><c>TCP_CLOSE</c> of <c>netinet/tcp.h</c>: not connected yet, or not any more.</summary>
    public const byte Closed = 7;

    [FieldOffset(0)] public byte tcpi_state;
    [FieldOffset(4)] public byte tcpi_backoff;
    [FieldOffset(16)] public uint tcpi_snd_mss;
    [FieldOffset(24)] public uint tcpi_unacked;
    [FieldOffset(32)] public uint tcpi_lost;
    [FieldOffset(68)] public uint tcpi_rtt;
    [FieldOffset(72)] public uint tcpi_rttvar;
    [FieldOffset(80)] public uint tcpi_snd_cwnd;
    [FieldOffset(84)] public uint tcpi_advmss;
    [FieldOffset(100)] public uint tcpi_total_retrans;
    [FieldOffset(120)] public ulong tcpi_bytes_acked;
    [FieldOffset(128)] public ulong tcpi_bytes_received;
    [FieldOffset(148)] public uint tcpi_min_rtt;
    [FieldOffset(160)] public ulong tcpi_delivery_rate;
    [FieldOffset(200)] public ulong tcpi_bytes_sent;
    [FieldOffset(208)] public ulong tcpi_bytes_retrans;
}
