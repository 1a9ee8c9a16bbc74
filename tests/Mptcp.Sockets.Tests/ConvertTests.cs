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

    /// <summary>Its connect would never end: .NET waits for events of the socket that is gone.</summary>
    [Fact]
    public async Task TryConvert_ConnectIsUnderWay_ThrowsAndTheConnectGoesOn()
    {
        // A full backlog leaves the next connect waiting.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        var waiting = new List<(Socket Socket, Task Connecting)>();
        try
        {
            do
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                waiting.Add((socket, socket.ConnectAsync(listener.LocalEndPoint!)));
            }
            while (await Task.WhenAny(waiting[^1].Connecting, Task.Delay(200)) == waiting[^1].Connecting);

            Assert.Throws<InvalidOperationException>(() => MptcpSocket.TryConvert(waiting[^1].Socket, out _));

            using (await listener.AcceptAsync())
            {
                await waiting[^1].Connecting.WaitAsync(TimeSpan.FromSeconds(60));
            }
        }
        finally
        {
            waiting.ForEach(client => client.Socket.Dispose());
        }
    }

    /// <summary>After a refusal .NET replaces the socket at the next connect, by one that is not MPTCP.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TryConvert_ConnectFailed_Throws(bool isAsync)
    {
        using var refusing = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        refusing.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            if (isAsync)
            {
                await socket.ConnectAsync(refusing.LocalEndPoint!);
            }
            else
            {
                socket.Connect(refusing.LocalEndPoint!);
            }
        });
        Assert.Throws<InvalidOperationException>(() => MptcpSocket.TryConvert(socket, out _));
    }

    /// <summary>The new socket would block, and .NET would not know.</summary>
    [Fact]
    public void TryConvert_NonBlocking_Throws()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        Assert.Throws<InvalidOperationException>(() => MptcpSocket.TryConvert(socket, out _));

        // .NET leaves the descriptor as it is then, and does the waiting itself.
        socket.Blocking = true;
        Assert.Throws<InvalidOperationException>(() => MptcpSocket.TryConvert(socket, out _));
    }

    [Fact]
    public void TryConvert_Disposed_Throws()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Dispose();
        Assert.Throws<ObjectDisposedException>(() => MptcpSocket.TryConvert(socket, out _));
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
