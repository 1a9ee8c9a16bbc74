using System.Net;
using System.Runtime.InteropServices;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Tests;

/// <summary>Structures of kernels that know less or more than ours.</summary>
public sealed class SubflowParserTests
{
    [Theory]
    [InlineData(104)]
    [InlineData(216)]
    [InlineData(280)]
    [InlineData(400)]
    public void Read_ElementsOfAnyLength_EachFromItsPlace(int stride)
    {
        var array = new byte[3 * stride];
        for (var i = 0; i < 3; i++)
        {
            var native = new NativeTcpInfo { tcpi_rtt = (uint)(1000 + i), tcpi_total_retrans = (uint)i, tcpi_bytes_sent = 7 };
            var bytes = MemoryMarshal.AsBytes(new Span<NativeTcpInfo>(ref native));
            bytes[..Math.Min(stride, bytes.Length)].CopyTo(array.AsSpan(i * stride));
        }

        for (var i = 0; i < 3; i++)
        {
            var read = SubflowParser.Read<NativeTcpInfo>(array, stride, i);
            Assert.Equal((uint)(1000 + i), read.tcpi_rtt);
            Assert.Equal((uint)i, read.tcpi_total_retrans);
            Assert.Equal(stride >= 216 ? 7u : 0u, read.tcpi_bytes_sent);
        }
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(10, 104, 0)]
    [InlineData(104, 104, 1)]
    [InlineData(104, 104, int.MaxValue)]
    [InlineData(104, 0, 5)]
    [InlineData(104, -1, 1)]
    [InlineData(104, int.MaxValue, 1)]
    public void Read_BeyondTheArray_Zero(int length, int stride, int index)
    {
        var array = new byte[length];
        Array.Fill(array, (byte)0xff);
        var read = SubflowParser.Read<NativeTcpInfo>(array, stride, index);
        Assert.Equal(0u, read.tcpi_total_retrans);
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("fe80::1%7", "fe80::1%7")]
    public void ReadEndPoint_Addresses_AsThePathHasThem(string address, string expected)
    {
        var endPoint = new IPEndPoint(IPAddress.Parse(address), 443);
        var serialized = endPoint.Serialize();
        var bytes = new byte[NativeSocketAddress.Size];
        serialized.Buffer.Span[..serialized.Size].CopyTo(bytes);
        Assert.Equal(new IPEndPoint(IPAddress.Parse(expected), 443), SubflowParser.ReadEndPoint(bytes));
    }

    [Fact]
    public void ReadEndPoint_NoAddressLeft_IsAny() =>
        Assert.Equal(new IPEndPoint(IPAddress.Any, 0), SubflowParser.ReadEndPoint(new byte[NativeSocketAddress.Size]));

    [Fact]
    public void MinimumRoundTripTime_NotMeasured_IsNull()
    {
        var any = new IPEndPoint(IPAddress.Any, 0);
        Assert.Null(new MptcpSubflow(1, any, any, new NativeTcpInfo { tcpi_min_rtt = uint.MaxValue }).MinimumRoundTripTime);
        Assert.Equal(
            TimeSpan.FromMilliseconds(1.5), new MptcpSubflow(1, any, any, new NativeTcpInfo { tcpi_min_rtt = 1500 }).MinimumRoundTripTime);
    }

    [Theory]
    [InlineData(1, 5u, 2, true)]
    [InlineData(1, 0u, 2, false)]
    [InlineData(1, 5u, 0, false)]
    [InlineData(7, 5u, 2, false)]
    public void LooksDead_UnacknowledgedAndBackedOff_Only(byte state, uint unacknowledged, byte backoff, bool expected)
    {
        var any = new IPEndPoint(IPAddress.Any, 0);
        var native = new NativeTcpInfo { tcpi_state = state, tcpi_unacked = unacknowledged, tcpi_backoff = backoff };
        Assert.Equal(expected, new MptcpSubflow(null, any, any, native).LooksDead);
    }
}
