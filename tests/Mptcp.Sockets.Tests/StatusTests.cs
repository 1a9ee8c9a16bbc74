using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets.Interop;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

public sealed class StatusTests
{
    public static TheoryData<string, string> Addresses => new()
    {
        { "127.0.0.1", "127.0.0.1" },
        { "::1", "::1" },
        { "::", "127.0.0.1" },
        { "::", "::1" },
    };

    public StatusTests() => Requires.Mptcp();

    /// <summary>
    /// The seed: both ends of an MPTCP connection are MPTCP, bytes arrive, and getsockopt agrees with SO_PROTOCOL.
    /// </summary>
    [Theory]
    [MemberData(nameof(Addresses))]
    public void GetStatus_MptcpToMptcp_BothEndsActive(string listenOn, string connectTo)
    {
        using var connection = Connection.Establish(IPAddress.Parse(listenOn), IPAddress.Parse(connectTo));
        Rungs.AssertAll(MptcpStatus.Active, connection.Client);
        Rungs.AssertAll(MptcpStatus.Active, connection.Accepted);

        connection.AssertEchoes();

        Rungs.AssertAll(MptcpStatus.Active, connection.Client);
        Rungs.AssertAll(MptcpStatus.Active, connection.Accepted);
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void GetStatus_TcpClientToMptcpListener_NotNegotiated(string listenOn, string connectTo)
    {
        using var connection = Connection.Establish(IPAddress.Parse(listenOn), IPAddress.Parse(connectTo), clientMptcp: false);
        Rungs.AssertAll(MptcpStatus.NotNegotiated, connection.Accepted);
        Rungs.AssertAll(MptcpStatus.Unavailable, connection.Client);
        connection.AssertEchoes();
        Rungs.AssertAll(MptcpStatus.NotNegotiated, connection.Accepted);
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void GetStatus_MptcpClientToTcpListener_FellBack(string listenOn, string connectTo)
    {
        using var connection = Connection.Establish(IPAddress.Parse(listenOn), IPAddress.Parse(connectTo), listenerMptcp: false);
        Rungs.AssertAll(MptcpStatus.FellBack, connection.Client);
        Rungs.AssertAll(MptcpStatus.Unavailable, connection.Accepted);
        connection.AssertEchoes();
        Rungs.AssertAll(MptcpStatus.FellBack, connection.Client);
    }

    [Fact]
    public void GetStatus_TcpToTcp_Unavailable()
    {
        using var connection = Connection.Establish(listenerMptcp: false, clientMptcp: false);
        Rungs.AssertAll(MptcpStatus.Unavailable, connection.Accepted);
        Rungs.AssertAll(MptcpStatus.Unavailable, connection.Client);
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void GetStatus_MptcpSocketNotConnected_Unknown(AddressFamily family)
    {
        using var fresh = MptcpSocket.Create(family);
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(fresh));

        using var listener = Connection.Listen(family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback, mptcp: true);
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(listener));
        Assert.False(MptcpSocket.TryGetInfo(listener, out _));

        // Bound and not listening: nobody else can take the port, and it refuses.
        using var refusing = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        refusing.Bind(new IPEndPoint(((IPEndPoint)listener.LocalEndPoint!).Address, 0));
        Assert.Throws<SocketException>(() => fresh.Connect(refusing.LocalEndPoint!));
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(fresh));
    }

    [Fact]
    public void GetStatus_FreshTcpSocket_UnknownAndStillConnectsToSeveralAddresses()
    {
        // A port that refuses, and one that doesn't: .NET goes on to the second address only with a handle that nobody took.
        using var listener = Connection.Listen(IPAddress.Parse("127.0.0.2"), mptcp: false);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(client));

        client.Connect([IPAddress.Loopback, IPAddress.Parse("127.0.0.2")], ((IPEndPoint)listener.LocalEndPoint!).Port);

        Assert.True(client.Connected);
    }

    [Fact]
    public void GetStatus_NotAStreamSocketOverIP_Unknown()
    {
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Connect(IPAddress.Loopback, 9);
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(udp));

        var path = Path.Combine(Path.GetTempPath(), $"mptcp-test-{Guid.NewGuid():N}");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        using var accepted = listener.Accept();
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(client));
        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(accepted));
        Assert.False(MptcpSocket.TryGetInfo(accepted, out _));
        File.Delete(path);
    }

    [Fact]
    public void GetStatus_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => MptcpSocket.GetStatus(null!));
        Assert.Throws<ArgumentNullException>(() => MptcpSocket.TryGetInfo(null!, out _));
        Assert.Throws<ArgumentNullException>(() => MptcpSocket.Read(null!));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void GetStatus_Disposed_Unknown(bool mptcp)
    {
        using var connection = Connection.Establish(clientMptcp: mptcp);
        connection.Accepted.Dispose();

        var reading = MptcpSocket.Read(connection.Accepted);

        Assert.Equal(MptcpStatus.Unknown, reading.Status);
        Assert.Equal(Errno.EBADF, reading.Errno);
        Assert.Equal("Bad file descriptor", reading.Error);
        Assert.Null(reading.Info);
        Assert.False(MptcpSocket.TryGetInfo(connection.Accepted, out _));
    }

    [Theory]
    [InlineData(true, MptcpStatus.Active)]
    [InlineData(false, MptcpStatus.NotNegotiated)]
    public void GetStatus_ClosedByPeer_AsBefore(bool mptcp, MptcpStatus expected)
    {
        using var connection = Connection.Establish(clientMptcp: mptcp);
        connection.Client.Dispose();
        Assert.Equal(0, connection.Accepted.Receive(new byte[1]));
        Rungs.AssertAll(expected, connection.Accepted);
    }

    [Theory]
    [InlineData(true, MptcpStatus.Active)]
    [InlineData(false, MptcpStatus.NotNegotiated)]
    public void GetStatus_ResetByPeer_AsBefore(bool mptcp, MptcpStatus expected)
    {
        using var connection = Connection.Establish(clientMptcp: mptcp);
        connection.Client.LingerState = new LingerOption(true, 0);
        connection.Client.Dispose();
        var failure = Assert.Throws<SocketException>(() => connection.Accepted.Receive(new byte[1]));
        Assert.Equal(SocketError.ConnectionReset, failure.SocketErrorCode);

        // Kernels without MPTCP_INFO can't tell it from a socket that never was connected: unknown, and not a wrong "active".
        var atMost = expected == MptcpStatus.Active && !StatusLadder.HasMptcpInfo() && !connection.Accepted.Connected
            ? MptcpStatus.Unknown
            : expected;
        Assert.Equal(atMost, MptcpSocket.GetStatus(connection.Accepted));
    }

    /// <summary>
    /// The kernel answers alike in both cases, for IPv4 and IPv6: it takes a reset before the first byte for a fallback. So nothing is
    /// claimed that was not known before.
    /// </summary>
    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", true)]
    [InlineData("::1", false)]
    public async Task GetStatus_PeerAbortsADialledConnectionBeforeTheFirstByte_Unknown(string address, bool listenerMptcp)
    {
        var ip = IPAddress.Parse(address);
        using var connection = Connection.Establish(ip, ip, listenerMptcp);
        var known = new MptcpConnection(connection.Client);
        var before = known.Status;
        Assert.Equal(listenerMptcp ? MptcpStatus.Active : MptcpStatus.FellBack, before);

        connection.Accepted.LingerState = new LingerOption(true, 0);
        connection.Accepted.Dispose();
        await Wait.UntilAsync(() => connection.Client.Poll(0, SelectMode.SelectRead));

        Assert.Equal(MptcpStatus.Unknown, MptcpSocket.GetStatus(connection.Client));
        Assert.Equal(MptcpStatus.Unknown, new MptcpConnection(connection.Client).Status);
        Assert.Empty(MptcpSocket.GetSubflows(connection.Client));

        // A fallback that was seen is final; Active is not claimed any more.
        known.TryGetInfo(out _);
        Assert.Equal(listenerMptcp ? MptcpStatus.Unknown : MptcpStatus.FellBack, known.Status);
    }

    /// <summary>An orderly end, or a byte in either direction, tells TCP from Multipath TCP.</summary>
    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(true, 1, 0)]
    [InlineData(true, 0, 1)]
    public async Task GetStatus_TcpPeerEndsADialledConnection_FellBack(bool abort, int fromClient, int fromServer)
    {
        using var connection = Connection.Establish(listenerMptcp: false);
        Connection.AssertCarries(connection.Client, connection.Accepted, new byte[fromClient]);
        Connection.AssertCarries(connection.Accepted, connection.Client, new byte[fromServer]);
        connection.Accepted.LingerState = new LingerOption(abort, 0);
        connection.Accepted.Dispose();
        await Wait.UntilAsync(() => connection.Client.Poll(0, SelectMode.SelectRead));
        Rungs.AssertAll(MptcpStatus.FellBack, connection.Client);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void GetStatus_HalfClosed_StillActive(bool byPeer)
    {
        using var connection = Connection.Establish();
        var (closing, other) = byPeer ? (connection.Client, connection.Accepted) : (connection.Accepted, connection.Client);
        closing.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, other.Receive(new byte[1]));

        Assert.Equal(MptcpStatus.Active, MptcpSocket.GetStatus(other));
        Assert.Equal(
            StatusLadder.HasMptcpInfo() || closing.Connected ? MptcpStatus.Active : MptcpStatus.Unknown, MptcpSocket.GetStatus(closing));

        // The other direction is open.
        Connection.AssertCarries(other, closing, "still here"u8);
    }

    [Fact]
    public async Task GetStatus_WhileAnotherThreadCloses_NeverThrowsAndNeverAnswersForAnotherConnection()
    {
        // Descriptor numbers are reused at once: a probe by number would see the TCP connection that took the number over.
        for (var round = 0; round < 200; round++)
        {
            using var connection = Connection.Establish();
            using var listening = Connection.Listen(IPAddress.Loopback, mptcp: false);
            using var started = new ManualResetEventSlim();
            var seen = new HashSet<MptcpStatus>();
            var prober = Task.Run(() =>
            {
                started.Set();
                MptcpStatus status;
                do
                {
                    status = MptcpSocket.GetStatus(connection.Accepted);
                    seen.Add(status);
                }
                while (status == MptcpStatus.Active);
            });
            started.Wait();
            connection.Accepted.Dispose();
            using var reuser = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            reuser.Connect(listening.LocalEndPoint!);
            await prober;
            seen.Remove(MptcpStatus.Active);
            Assert.Equal([MptcpStatus.Unknown], seen);
        }
    }

    [Fact]
    public void GetStatus_AcceptedElsewhereAndWrapped_Answers()
    {
        using var connection = Connection.Establish();
        using var wrapped = new Socket(new SafeSocketHandle(connection.Accepted.Handle, ownsHandle: false));
        Rungs.AssertAll(MptcpStatus.Active, wrapped);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void GetStatus_AnyConnection_AllocatesNothing(bool listenerMptcp, bool clientMptcp)
    {
        using var connection = Connection.Establish(listenerMptcp, clientMptcp);
        var expected = MptcpSocket.GetStatus(connection.Accepted);
        MptcpSocket.TryGetInfo(connection.Accepted, out _);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var same = true;
        for (var i = 0; i < 1000; i++)
        {
            same &= MptcpSocket.GetStatus(connection.Accepted) == expected;
            MptcpSocket.TryGetInfo(connection.Accepted, out _);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(same);
    }

    [Fact]
    public void InWords_EveryStatus_HasSomeOfItsOwn()
    {
        Assert.Equal(
            ["unknown", "active", "not-negotiated", "fell-back", "unavailable"], Enum.GetValues<MptcpStatus>().Select(status => status.ToToken()));
        Assert.Equal(
            ["unknown", "active", "not_negotiated", "fell_back", "unavailable"], Enum.GetValues<MptcpStatus>().Select(status => status.ToTagValue()));
        Assert.Equal("unknown", ((MptcpStatus)99).ToTagValue());
        Assert.Equal(5, Enum.GetValues<MptcpStatus>().Select(status => status.Explain()).Distinct().Count());
    }
}
