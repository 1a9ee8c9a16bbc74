using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>
/// <c>struct mptcp_info</c> of <c>linux/mptcp.h</c>, with the kernel's field names and the offsets of 64-bit targets and 32-bit
/// Arm. Kernels return as many bytes as they know: the lengths below are the sizes this struct has had.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 96)]
internal struct NativeMptcpInfo
{
    /// <summary>Linux 5.16 to 6.4. No kernel that answers MPTCP_INFO gives less.</summary>
    public const int SizeLinux5_16 = 48;

    /// <summary>Linux 6.5 to 6.7: adds <see cref="mptcpi_retransmits"/> to <see cref="mptcpi_bytes_acked"/>.</summary>
    /// <remarks>
    /// Fields are gated on these sizes and not on their own end: tail padding makes the 48 bytes of Linux 5.16 "contain"
    /// mptcpi_retransmits and the 88 of Linux 6.8 "contain" mptcpi_last_data_sent, both always zero there.
    /// </remarks>
    public const int SizeLinux6_5 = 80;

    /// <summary>Linux 6.8 and 6.9: adds <see cref="mptcpi_subflows_total"/>.</summary>
    public const int SizeLinux6_8 = 88;

    /// <summary>Linux 6.10 and later: adds the three <c>mptcpi_last_*</c>.</summary>
    public const int SizeLinux6_10 = 96;

    [FieldOffset(0)] public byte mptcpi_subflows;
    [FieldOffset(1)] public byte mptcpi_add_addr_signal;
    [FieldOffset(2)] public byte mptcpi_add_addr_accepted;
    [FieldOffset(3)] public byte mptcpi_subflows_max;
    [FieldOffset(4)] public byte mptcpi_add_addr_signal_max;
    [FieldOffset(5)] public byte mptcpi_add_addr_accepted_max;
    [FieldOffset(8)] public uint mptcpi_flags;
    [FieldOffset(12)] public uint mptcpi_token;
    [FieldOffset(16)] public ulong mptcpi_write_seq;
    [FieldOffset(24)] public ulong mptcpi_snd_una;
    [FieldOffset(32)] public ulong mptcpi_rcv_nxt;
    [FieldOffset(40)] public byte mptcpi_local_addr_used;
    [FieldOffset(41)] public byte mptcpi_local_addr_max;
    [FieldOffset(42)] public byte mptcpi_csum_enabled;
    [FieldOffset(44)] public uint mptcpi_retransmits;
    [FieldOffset(48)] public ulong mptcpi_bytes_retrans;
    [FieldOffset(56)] public ulong mptcpi_bytes_sent;
    [FieldOffset(64)] public ulong mptcpi_bytes_received;
    [FieldOffset(72)] public ulong mptcpi_bytes_acked;
    [FieldOffset(80)] public byte mptcpi_subflows_total;
    [FieldOffset(81)] public byte mptcpi_endp_laminar_max;
    [FieldOffset(82)] public byte mptcpi_endp_fullmesh_max;
    [FieldOffset(84)] public uint mptcpi_last_data_sent;
    [FieldOffset(88)] public uint mptcpi_last_data_recv;
    [FieldOffset(92)] public uint mptcpi_last_ack_recv;
}
