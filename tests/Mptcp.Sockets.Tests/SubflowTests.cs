using System.Net;
using System.Net.NetworkInformation;
using Mptcp.Sockets.Interop;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>Subflows on connections of one path; run again on imitated kernels, so each test says what those can't tell.</summary>
public sealed class SubflowTests
{
    public SubflowTests() => Requires.Mptcp();

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "127.0.0.1")]
    public void GetSubflows_OnePath_HasItsAddressesAndBytes(string listenOn, string connectTo)
    {
        using var connection = Connection.Establish(IPAddress.Parse(listenOn), IPAddress.Parse(connectTo));
        connection.AssertEchoes(12_345);
        foreach (var (socket, peer) in new[] { (connection.Accepted, connection.Client), (connection.Client, connection.Accepted) })
        {
            var subflows = MptcpSocket.GetSubflows(socket);
            Assert.Equal(MptcpStatus.Active, subflows.Connection.Status);
            if (!StatusLadder.HasMptcpInfo())
            {
                Assert.Empty(subflows);
                Assert.Contains("Linux 5.16", subflows.WhyEmpty);
                continue;
            }

            var subflow = Assert.Single(subflows);
            Assert.Null(subflows.WhyEmpty);
            Assert.Equal(Plain(socket.LocalEndPoint), subflow.LocalEndPoint);
            Assert.Equal(Plain(socket.RemoteEndPoint), subflow.RemoteEndPoint);
            Assert.Equal(TcpState.Established, subflow.State);
            Assert.False(subflow.IsClosed);
            Assert.False(subflow.LooksDead);
            Assert.Equal(12_345, subflow.BytesSent);
            Assert.Equal(12_345, subflow.BytesReceived);
            Assert.Equal(0, subflow.BytesRetransmitted);
            Assert.Equal(0, subflow.SegmentsRetransmitted);
            Assert.Equal(0, subflow.SegmentsLost);
            Assert.InRange(subflow.RoundTripTime, TimeSpan.FromMicroseconds(1), TimeSpan.FromSeconds(10));
            Assert.InRange(subflow.MinimumRoundTripTime!.Value, TimeSpan.FromMicroseconds(1), TimeSpan.FromSeconds(10));
            Assert.InRange(subflow.RoundTripTimeVariation, TimeSpan.FromMicroseconds(1), TimeSpan.FromSeconds(10));
            Assert.InRange(subflow.CongestionWindowSegments, 1, 100_000);
            Assert.True(subflow.CongestionWindowBytes > subflow.CongestionWindowSegments);
            Assert.True(subflow.DeliveryRate > 0);
            Assert.InRange(subflow.BytesAcknowledged, 1, 12_346);
        }

        static EndPoint Plain(EndPoint? endPoint) =>
            endPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port) : endPoint!;
    }

    [Theory]
    [InlineData(true, false, MptcpStatus.NotNegotiated)]
    [InlineData(false, true, MptcpStatus.Unavailable)]
    public void GetSubflows_Tcp_NoneAndWhy(bool listenerMptcp, bool clientMptcp, MptcpStatus status)
    {
        using var connection = Connection.Establish(listenerMptcp, clientMptcp);
        var subflows = MptcpSocket.GetSubflows(connection.Accepted);
        Assert.Empty(subflows);
        Assert.Equal(status, subflows.Connection.Status);
        Assert.Equal(status.Explain(), subflows.WhyEmpty);
    }

    [Fact]
    public void GetSubflows_FellBack_NoneAndWhy()
    {
        using var connection = Connection.Establish(listenerMptcp: false);
        var subflows = MptcpSocket.GetSubflows(connection.Client);
        Assert.Empty(subflows);
        Assert.Equal(MptcpStatus.FellBack, subflows.Connection.Status);
        Assert.Contains("fell back", subflows.WhyEmpty);
    }

    [Fact]
    public void GetSubflows_FreshListeningOrDisposed_NoneAndNoException()
    {
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: true);
        using var fresh = MptcpSocket.Create(System.Net.Sockets.AddressFamily.InterNetwork);
        var connection = Connection.Establish();
        connection.Dispose();
        foreach (var socket in new[] { listener, fresh, connection.Accepted })
        {
            var subflows = MptcpSocket.GetSubflows(socket);
            Assert.Empty(subflows);
            Assert.Equal(MptcpStatus.Unknown, subflows.Connection.Status);
            Assert.NotNull(subflows.WhyEmpty);
        }
    }
}
