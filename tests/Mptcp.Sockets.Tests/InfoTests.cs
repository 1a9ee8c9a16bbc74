using System.Globalization;
using Mptcp.Sockets.Interop;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

public sealed class InfoTests
{
    [Fact]
    public async Task TryGetInfo_AfterAnEcho_AgreesWithWhatWasSentAndWithSs()
    {
        Requires.Mptcp();
        Requires.Programs("ss");
        using var connection = Connection.Establish();
        connection.AssertEchoes(12_345);

        Assert.True(MptcpSocket.TryGetInfo(connection.Accepted, out var server));
        Assert.True(MptcpSocket.TryGetInfo(connection.Client, out var client));

        Assert.Equal(1, server.Subflows);
        Assert.Equal(0, server.ExtraSubflows);
        Assert.True(server.IsRemoteKeyReceived);
        Assert.False(server.IsFallback);
        Assert.NotEqual(client.Token, server.Token);
        Assert.Equal(client.WriteSequence, server.ReceiveNext);

        var statistics = await SocketStatistics.ReadAsync();
        Assert.Equal(
            server.Token, uint.Parse(statistics.Get(connection.Accepted, "token"), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.Equal(
            server.WriteSequence, ulong.Parse(statistics.Get(connection.Accepted, "write_seq"), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.Equal(int.Parse(statistics.Get(connection.Accepted, "subflows_max"), CultureInfo.InvariantCulture), server.ExtraSubflowsLimit);

        // What follows came with Linux 6.5, 6.8 and 6.10; older kernels say null, which the lengths below test.
        if (server.BytesSent is not null)
        {
            Assert.Equal(12_345, server.BytesSent);
            Assert.Equal(12_345, server.BytesReceived);
            Assert.Equal(12_345, client.BytesReceived);
            Assert.Equal(0, server.BytesRetransmitted);
        }

        if (server.TotalSubflows is not null)
        {
            Assert.Equal(1, server.TotalSubflows);
        }

        if (server.SinceLastDataSent is not null)
        {
            Assert.InRange(server.SinceLastDataSent.Value, TimeSpan.Zero, TimeSpan.FromMinutes(1));
            Assert.InRange(server.SinceLastDataReceived!.Value, TimeSpan.Zero, TimeSpan.FromMinutes(1));
            Assert.InRange(server.SinceLastAcknowledgement!.Value, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public void Read_ActiveConnection_GivesTheFiguresWithTheStatus()
    {
        Requires.Mptcp();
        using var connection = Connection.Establish();
        var reading = MptcpSocket.Read(connection.Accepted);
        Assert.Equal(MptcpStatus.Active, reading.Status);
        Assert.Equal(0, reading.Errno);
        Assert.Null(reading.Error);
        Assert.Equal(1, reading.Info?.Subflows);
    }

    /// <summary>The sizes the struct has had (KERNEL: 5.16, 6.5, 6.8, 6.10) and one of a kernel to come.</summary>
    [Theory]
    [InlineData(48, false, false, false)]
    [InlineData(80, true, false, false)]
    [InlineData(88, true, true, false)]
    [InlineData(96, true, true, true)]
    [InlineData(104, true, true, true)]
    public void Properties_KernelFilledInThisMuch_RestIsNull(int length, bool has6_5, bool has6_8, bool has6_10)
    {
        // Padding "contains" fields that the kernel did not know: all ones here, to be seen if it leaks.
        var native = new NativeMptcpInfo
        {
            mptcpi_subflows = 3,
            mptcpi_csum_enabled = 1,
            mptcpi_retransmits = uint.MaxValue,
            mptcpi_bytes_sent = 7,
            mptcpi_bytes_acked = 6,
            mptcpi_subflows_total = 3,
            mptcpi_last_data_sent = 1500,
            mptcpi_last_ack_recv = 20,
        };

        var info = new MptcpInfo(native, length);

        Assert.Equal(3, info.ExtraSubflows);
        Assert.True(info.IsChecksumEnabled);
        Assert.Equal(has6_5, info.Retransmits is not null);
        Assert.Equal(has6_5 ? 7 : null, info.BytesSent);
        Assert.Equal(has6_5 ? 6 : null, info.BytesAcknowledged);
        Assert.Equal(has6_5, info.BytesReceived is not null);
        Assert.Equal(has6_5, info.BytesRetransmitted is not null);
        Assert.Equal(has6_8 ? 3 : null, info.TotalSubflows);
        Assert.Equal(has6_8 ? 3 : 4, info.Subflows);
        Assert.Equal(has6_10 ? TimeSpan.FromSeconds(1.5) : null, info.SinceLastDataSent);
        Assert.Equal(has6_10, info.SinceLastDataReceived is not null);
        Assert.Equal(has6_10 ? TimeSpan.FromMilliseconds(20) : null, info.SinceLastAcknowledgement);
    }

    [Fact]
    public void LaminarAndFullMeshEndpoints_Zero_AreNull()
    {
        Assert.Null(new MptcpInfo(default, 96).LaminarEndpoints);
        Assert.Null(new MptcpInfo(default, 96).FullMeshEndpoints);
        var info = new MptcpInfo(new NativeMptcpInfo { mptcpi_endp_laminar_max = 1, mptcpi_endp_fullmesh_max = 2 }, 96);
        Assert.Equal(1, info.LaminarEndpoints);
        Assert.Equal(2, info.FullMeshEndpoints);
    }

    [Theory]
    [InlineData(0u, MptcpStatus.Unknown)]
    [InlineData(1u, MptcpStatus.FellBack)]
    [InlineData(2u, MptcpStatus.Active)]
    [InlineData(3u, MptcpStatus.FellBack)]
    public void Judge_Flags_OnlyTheRemoteKeyAloneIsActive(uint flags, MptcpStatus expected) =>
        Assert.Equal(expected, StatusLadder.Judge(new NativeMptcpInfo { mptcpi_flags = flags }, NativeMptcpInfo.SizeLinux5_16));

    /// <summary>No kernel gives less than 48 bytes, and an answer without its flags says nothing.</summary>
    [Theory]
    [InlineData(int.MinValue)]
    [InlineData(-5)]
    [InlineData(0)]
    [InlineData(11)]
    [InlineData(47)]
    public void Judge_AnswerTooShort_Unknown(int length) => Assert.Equal(
        MptcpStatus.Unknown, StatusLadder.Judge(new NativeMptcpInfo { mptcpi_flags = LinuxConstants.MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED }, length));

    [Fact]
    public void Properties_EachField_IsItsOwn()
    {
        var info = new MptcpInfo(
            new NativeMptcpInfo
            {
                mptcpi_subflows = 1,
                mptcpi_add_addr_signal = 2,
                mptcpi_add_addr_accepted = 3,
                mptcpi_subflows_max = 4,
                mptcpi_add_addr_signal_max = 5,
                mptcpi_add_addr_accepted_max = 6,
                mptcpi_token = 7,
                mptcpi_write_seq = 8,
                mptcpi_snd_una = 9,
                mptcpi_rcv_nxt = 10,
                mptcpi_local_addr_used = 11,
                mptcpi_local_addr_max = 12,
                mptcpi_retransmits = 13,
                mptcpi_bytes_retrans = 14,
                mptcpi_bytes_sent = 15,
                mptcpi_bytes_received = 16,
                mptcpi_bytes_acked = 17,
                mptcpi_subflows_total = 18,
                mptcpi_last_data_sent = 19,
                mptcpi_last_data_recv = 20,
                mptcpi_last_ack_recv = 21,
            },
            NativeMptcpInfo.SizeLinux6_10);
        Assert.Equal(
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 18],
            new long?[]
            {
                info.ExtraSubflows, info.AddressesSignaled, info.AddressesAccepted, info.ExtraSubflowsLimit, info.SignalEndpoints,
                info.AddressesAcceptedLimit, info.Token, (long)info.WriteSequence, (long)info.SendUnacknowledged, (long)info.ReceiveNext,
                info.LocalAddressesUsed, info.SubflowEndpoints, info.Retransmits, info.BytesRetransmitted, info.BytesSent,
                info.BytesReceived, info.BytesAcknowledged, info.TotalSubflows, info.Subflows,
            }.Cast<long?>());
        Assert.Equal(
            [19, 20, 21],
            new[] { info.SinceLastDataSent, info.SinceLastDataReceived, info.SinceLastAcknowledgement }.Select(time => time!.Value.TotalMilliseconds));
    }
}
