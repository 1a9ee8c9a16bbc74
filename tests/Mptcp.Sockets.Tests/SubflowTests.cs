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

    [Fact]
    public async Task GetSubflows_WhileAnotherThreadCloses_NeverThrowsAndNeverShowsAnotherConnection()
    {
        // Ten thousand readings, and each descriptor number taken over at once by another MPTCP connection.
        var readings = 0;
        while (readings < 10_000)
        {
            using var connection = Connection.Establish();
            using var other = Connection.Listen(IPAddress.Loopback, mptcp: true);
            var own = connection.Accepted.RemoteEndPoint;
            using var started = new ManualResetEventSlim();
            var reader = Task.Run(() =>
            {
                var count = 0;
                MptcpSubflowList subflows;
                do
                {
                    subflows = MptcpSocket.GetSubflows(connection.Accepted);

                    // A subflow that is closing loses its port first, to the kernel.
                    Assert.All(subflows, subflow => Assert.True(
                        subflow.RemoteEndPoint.Equals(own) || subflow.RemoteEndPoint.Port == 0, subflow.ToString()));
                    started.Set();
                    count++;
                }
                while (subflows.Connection.Status != MptcpStatus.Unknown);
                return count;
            });
            started.Wait();
            for (var i = 0; i < 20 && readings < 10_000; i++)
            {
                await Task.Yield();
            }

            connection.Accepted.Dispose();
            using var reuser = MptcpSocket.Create(System.Net.Sockets.AddressFamily.InterNetwork);
            reuser.Connect(other.LocalEndPoint!);
            readings += await reader;
        }
    }

    [Fact]
    public void GetSubflows_OnePath_AllocatesWhatItReturns()
    {
        using var connection = Connection.Establish();
        if (MptcpSocket.GetSubflows(connection.Accepted) is not [{ Id: not null }])
        {
            // An imitated kernel, on which three calls with buffers are what it takes.
            Assert.Equal(StatusLadder.HasMptcpInfo() ? 1 : 0, MptcpSocket.GetSubflows(connection.Accepted).Count);
            return;
        }

        const int Calls = 1000;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Calls; i++)
        {
            MptcpSocket.GetSubflows(connection.Accepted);
        }

        // A list with the connection's figures, an array, and for the path its figures and two addresses: no buffers.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Calls, 1, 1000);
    }
}
