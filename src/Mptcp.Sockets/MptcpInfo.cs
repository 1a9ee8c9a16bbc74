using System.Globalization;
using System.Text.Json.Serialization;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets;

/// <summary>
/// The kernel's figures of one MPTCP connection: <c>struct mptcp_info</c> of <c>linux/mptcp.h</c>, as
/// <c>getsockopt(SOL_MPTCP, MPTCP_INFO)</c> gave it (Linux 5.16). A field that this kernel does not fill in is null.
/// </summary>
public readonly struct MptcpInfo
{
    private readonly NativeMptcpInfo _native;
    private readonly int _length;

    internal MptcpInfo(in NativeMptcpInfo native, int length)
    {
        _native = native;
        _length = length;
    }

    /// <summary>The subflows the connection has now: 1 for a connection on one path, 0 after all are closed.</summary>
    /// <remarks>
    /// <see cref="TotalSubflows"/> where the kernel has it (Linux 6.8); before that <see cref="ExtraSubflows"/> and one for the
    /// initial subflow, which counts one too many when that one is closed. A subflow that this end is still opening counts, though
    /// the peer may never answer; <see cref="MptcpSocket.GetSubflows(System.Net.Sockets.Socket)"/> tells its state.
    /// </remarks>
    public int Subflows => _length == 0 ? 0 : TotalSubflows ?? ExtraSubflows + 1;

    /// <summary>The subflows besides the initial one, also those still being established (<c>mptcpi_subflows</c>).</summary>
    public int ExtraSubflows => _native.mptcpi_subflows;

    /// <summary>The most <see cref="ExtraSubflows"/> that the in-kernel path manager allows (<c>mptcpi_subflows_max</c>).</summary>
    public int ExtraSubflowsLimit => _native.mptcpi_subflows_max;

    /// <summary>The additional addresses announced to the peer with ADD_ADDR (<c>mptcpi_add_addr_signal</c>).</summary>
    public int AddressesSignaled => _native.mptcpi_add_addr_signal;

    /// <summary>The endpoints of this host that are flagged <c>signal</c> (<c>mptcpi_add_addr_signal_max</c>).</summary>
    public int SignalEndpoints => _native.mptcpi_add_addr_signal_max;

    /// <summary>The addresses that the peer announced and this host accepted (<c>mptcpi_add_addr_accepted</c>).</summary>
    public int AddressesAccepted => _native.mptcpi_add_addr_accepted;

    /// <summary>The most <see cref="AddressesAccepted"/> that the path manager allows (<c>mptcpi_add_addr_accepted_max</c>).</summary>
    public int AddressesAcceptedLimit => _native.mptcpi_add_addr_accepted_max;

    /// <summary>The local addresses used for subflows (<c>mptcpi_local_addr_used</c>).</summary>
    public int LocalAddressesUsed => _native.mptcpi_local_addr_used;

    /// <summary>The endpoints of this host that are flagged <c>subflow</c> (<c>mptcpi_local_addr_max</c>).</summary>
    public int SubflowEndpoints => _native.mptcpi_local_addr_max;

    /// <summary>
    /// The endpoints of this host that are flagged <c>laminar</c> (<c>mptcpi_endp_laminar_max</c>, Linux 6.18). Null also when
    /// there are none: a kernel without the field gives zero as well.
    /// </summary>
    public int? LaminarEndpoints => NullIfZero(_native.mptcpi_endp_laminar_max);

    /// <summary>
    /// The endpoints of this host that are flagged <c>fullmesh</c> (<c>mptcpi_endp_fullmesh_max</c>, in the headers of
    /// Linux 7.2). Null also when there are none: a kernel without the field gives zero as well.
    /// </summary>
    public int? FullMeshEndpoints => NullIfZero(_native.mptcpi_endp_fullmesh_max);

    /// <summary>The connection went on as TCP (<c>MPTCP_INFO_FLAG_FALLBACK</c>).</summary>
    public bool IsFallback => (_native.mptcpi_flags & LinuxConstants.MPTCP_INFO_FLAG_FALLBACK) != 0;

    /// <summary>The peer's key arrived: Multipath TCP was negotiated (<c>MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED</c>).</summary>
    public bool IsRemoteKeyReceived => (_native.mptcpi_flags & LinuxConstants.MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED) != 0;

    /// <summary>Data carries the DSS checksum (<c>mptcpi_csum_enabled</c>, RFC 8684 section 3.3.1).</summary>
    public bool IsChecksumEnabled => _native.mptcpi_csum_enabled != 0;

    /// <summary>
    /// The token that names the connection on this host (<c>mptcpi_token</c>, RFC 8684 section 3.2); the peer has another one.
    /// 0 after the peer reset the connection. It lets its reader open further subflows: do not show it to others. System.Text.Json
    /// leaves it out.
    /// </summary>
    [JsonIgnore]
    public uint Token => _native.mptcpi_token;

    /// <summary>The data sequence number of the next byte to be sent (<c>mptcpi_write_seq</c>). System.Text.Json leaves it out.</summary>
    [JsonIgnore]
    public ulong WriteSequence => _native.mptcpi_write_seq;

    /// <summary>The first data sequence number that the peer has not acknowledged (<c>mptcpi_snd_una</c>). System.Text.Json leaves it out.</summary>
    [JsonIgnore]
    public ulong SendUnacknowledged => _native.mptcpi_snd_una;

    /// <summary>The data sequence number of the next byte to be received (<c>mptcpi_rcv_nxt</c>). System.Text.Json leaves it out.</summary>
    [JsonIgnore]
    public ulong ReceiveNext => _native.mptcpi_rcv_nxt;

    /// <summary>The retransmission time-outs of the connection since data was last acknowledged (<c>mptcpi_retransmits</c>, Linux 6.5).</summary>
    public long? Retransmits => Since(NativeMptcpInfo.SizeLinux6_5, _native.mptcpi_retransmits);

    /// <summary>The bytes sent again, on the same or another subflow (<c>mptcpi_bytes_retrans</c>, Linux 6.5).</summary>
    public long? BytesRetransmitted => Since(NativeMptcpInfo.SizeLinux6_5, (long)_native.mptcpi_bytes_retrans);

    /// <summary>The bytes sent, without those sent again (<c>mptcpi_bytes_sent</c>, Linux 6.5).</summary>
    public long? BytesSent => Since(NativeMptcpInfo.SizeLinux6_5, (long)_native.mptcpi_bytes_sent);

    /// <summary>The bytes received in order (<c>mptcpi_bytes_received</c>, Linux 6.5).</summary>
    public long? BytesReceived => Since(NativeMptcpInfo.SizeLinux6_5, (long)_native.mptcpi_bytes_received);

    /// <summary>The bytes that the peer acknowledged (<c>mptcpi_bytes_acked</c>, Linux 6.5).</summary>
    public long? BytesAcknowledged => Since(NativeMptcpInfo.SizeLinux6_5, (long)_native.mptcpi_bytes_acked);

    /// <summary>The subflows the connection has now, with the initial one where it is still there (<c>mptcpi_subflows_total</c>, Linux 6.8).</summary>
    public int? TotalSubflows => _length >= NativeMptcpInfo.SizeLinux6_8 ? _native.mptcpi_subflows_total : null;

    /// <summary>How long ago data was last sent, to the millisecond (<c>mptcpi_last_data_sent</c>, Linux 6.10).</summary>
    public TimeSpan? SinceLastDataSent => Ago(_native.mptcpi_last_data_sent);

    /// <summary>How long ago data was last received, to the millisecond (<c>mptcpi_last_data_recv</c>, Linux 6.10).</summary>
    public TimeSpan? SinceLastDataReceived => Ago(_native.mptcpi_last_data_recv);

    /// <summary>How long ago an acknowledgement was last received, to the millisecond (<c>mptcpi_last_ack_recv</c>, Linux 6.10).</summary>
    public TimeSpan? SinceLastAcknowledgement => Ago(_native.mptcpi_last_ack_recv);

    /// <summary>The number of subflows, and the bytes of the connection where the kernel counts them (Linux 6.5).</summary>
    /// <returns>Such as <c>2 subflows, 1500 bytes sent, 0 retransmitted, 3000 received</c>. Never the token.</returns>
    public override string ToString()
    {
        var subflows = Subflows == 1 ? "1 subflow" : string.Create(CultureInfo.InvariantCulture, $"{Subflows} subflows");
        return BytesSent is null
            ? subflows
            : string.Create(CultureInfo.InvariantCulture, $"{subflows}, {BytesSent} bytes sent, {BytesRetransmitted} retransmitted, {BytesReceived} received");
    }

    private long? Since(int size, long value) => _length >= size ? value : null;

    private TimeSpan? Ago(uint milliseconds) =>
        _length >= NativeMptcpInfo.SizeLinux6_10 ? TimeSpan.FromMilliseconds(milliseconds) : null;

    private static int? NullIfZero(byte value) => value == 0 ? null : value;
}
