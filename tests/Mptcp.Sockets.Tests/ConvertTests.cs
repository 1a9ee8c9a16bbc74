using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>TCP sockets that become MPTCP ones.</summary>
public sealed class ConvertTests
{
    public ConvertTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true, MptcpStatus.Active, MptcpStatus.Active)]
    [InlineData(false, MptcpStatus.NotNegotiated, MptcpStatus.Unavailable)]
    public async Task TryConvert_Listener_AcceptsBothAndStaysTcpToDotNet(bool mptcpClient, MptcpStatus told, MptcpStatus notTold)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(MptcpSocket.TryConvert(listener, out var support));
        Assert.True(support.IsSupported);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = Connection.Open(AddressFamily.InterNetwork, mptcpClient);
        await client.ConnectAsync(listener.LocalEndPoint!);
        using var accepted = await listener.AcceptAsync();

        Assert.Equal(ProtocolType.Tcp, accepted.ProtocolType);
        var connection = new MptcpConnection(accepted, openedAsMptcp: true);
        Assert.Equal(told, connection.Status);
        Assert.Equal(told, connection.GetSubflows().Connection.Status);
        Assert.Equal(notTold, new MptcpConnection(accepted).Status);
        Assert.Equal(notTold, MptcpSocket.GetStatus(accepted));
    }

    /// <summary>.NET makes every IPv6 socket one for IPv6 only, and who converts it expects the same.</summary>
    [Fact]
    public void TryConvert_IPv6_StaysIPv6Only()
    {
        // A port that is free over IPv6 may be another test's over IPv4.
        for (var attempts = 1; !BindsToBoth(); attempts++)
        {
            Assert.True(attempts < 10, "IPv4 is taken on each port.");
        }

        static bool BindsToBoth()
        {
            using var ipv6 = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            Assert.True(MptcpSocket.TryConvert(ipv6, out _));
            Assert.False(ipv6.DualMode);
            ipv6.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
            using var ipv4 = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                ipv4.Bind(new IPEndPoint(IPAddress.Any, ((IPEndPoint)ipv6.LocalEndPoint!).Port));
                return true;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                return false;
            }
        }
    }

    [Fact]
    public void TryConvert_SocketInUseOrOther_Throws()
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.Throws<InvalidOperationException>(() => MptcpSocket.TryConvert(bound, out _));
        Assert.Throws<InvalidOperationException>(() => MptcpSocket.TryConvert(udp, out _));
        Assert.Throws<ArgumentNullException>(() => MptcpSocket.TryConvert(null!, out _));
    }
}
