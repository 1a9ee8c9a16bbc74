using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>A kernel that refuses. Where the kernel can't be imitated it does not refuse; <see cref="ImitatedKernelTests"/> runs them again where it can.</summary>
public sealed class RefusalTests
{
    public RefusalTests() => Requires.Mptcp();

    public static TheoryData<string, int> Refusals => new()
    {
        { "info", 1 }, { "info", 5 }, { "info", Errno.ENOMEM }, { "info", 14 }, { "info", 38 }, { "info", Errno.ENOBUFS },
        { "protocol", 1 }, { "protocol", 5 }, { "protocol", Errno.EBADF },
        { "length", 0 }, { "length", -5 }, { "length", 11 }, { "length", 47 },
    };

    public static TheoryData<int> Errnos => [1, 2, 5, 13, 14, 19, 22, 38, 71, 91, 92, 93, 94, 95, 99, 100, 110, 111, 123, 133];

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Status_KernelRefusesInTheMiddleOfAConnection_UnknownUntilItAnswers(string what, int number)
    {
        using var sockets = Connection.Establish();
        var connection = new Recorder(sockets.Accepted);
        Assert.Equal(MptcpStatus.Active, connection.Status);
        using (ImitatedKernel.Refuse(what, number))
        {
            var expected = ImitatedKernel.CanRefuse ? MptcpStatus.Unknown : MptcpStatus.Active;
            Assert.Equal(expected == MptcpStatus.Active, connection.TryGetInfo(out _));
            Assert.Equal(expected, connection.Status);
            Assert.Equal(expected == MptcpStatus.Active ? 1 : null, connection.SubflowCount);

            Assert.Equal(expected, MptcpSocket.GetStatus(sockets.Accepted));
            Assert.Equal(expected == MptcpStatus.Active, MptcpSocket.TryGetInfo(sockets.Accepted, out _));
            var reading = MptcpSocket.Read(sockets.Accepted);
            Assert.Equal(expected, reading.Status);
            Assert.Null(expected == MptcpStatus.Unknown ? reading.Info : null);
            if (ImitatedKernel.CanRefuse)
            {
                Assert.Equal(what == "length" ? Errno.EBADMSG : number, reading.Errno);
                Assert.Equal(reading.Errno, connection.LastUnexpected);
            }

            // SO_PROTOCOL is not needed where MPTCP_FULL_INFO answers.
            if (what != "protocol")
            {
                var subflows = connection.GetSubflows();
                Assert.Equal(expected, subflows.Connection.Status);
                Assert.Equal(expected == MptcpStatus.Active ? 1 : 0, subflows.Count);
                Assert.Equal(expected, connection.Status);
            }
        }

        Assert.True(connection.TryGetInfo(out _));
        Assert.Equal(MptcpStatus.Active, connection.Status);
    }

    [Fact]
    public async Task Status_KernelRefusesForLonger_TheOldAnswerIsNotRenewed()
    {
        using var sockets = Connection.Establish();
        var connection = new MptcpConnection(sockets.Accepted);
        Assert.Equal(MptcpStatus.Active, connection.Status);
        using (ImitatedKernel.Refuse("info", 5))
        {
            // Only Status is read, and an answer is good for a second.
            var expected = ImitatedKernel.CanRefuse ? MptcpStatus.Unknown : MptcpStatus.Active;
            await Wait.UntilAsync(() => connection.Status == expected);
        }
    }

    [Fact]
    public void Status_ClosedWhileTheKernelRefuses_Unknown()
    {
        using var sockets = Connection.Establish();
        var connection = new MptcpConnection(sockets.Accepted);
        Assert.Equal(MptcpStatus.Active, connection.Status);
        using (ImitatedKernel.Refuse("protocol", Errno.EBADF))
        {
            connection.TryGetInfo(out _);
        }

        sockets.Accepted.Dispose();
        connection.TryGetInfo(out _);
        Assert.Equal(ImitatedKernel.CanRefuse ? MptcpStatus.Unknown : MptcpStatus.Active, connection.Status);
    }

    [Fact]
    public void Status_FellBackAndTheKernelRefuses_StaysFellBack()
    {
        using var sockets = Connection.Establish(listenerMptcp: false);
        var connection = new MptcpConnection(sockets.Client);
        Assert.Equal(MptcpStatus.FellBack, connection.Status);
        using (ImitatedKernel.Refuse("protocol", 1))
        {
            Assert.False(connection.TryGetInfo(out _));
            Assert.Equal(MptcpStatus.FellBack, connection.Status);
        }
    }

    [Theory]
    [MemberData(nameof(Errnos))]
    public async Task ConnectAsync_KernelRefusesMptcpSockets_TcpWithErrnoAndRemedy(int errno)
    {
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: false);
        using (ImitatedKernel.Refuse("socket", errno))
        {
            var result = await MptcpConnector.ConnectAsync(listener.LocalEndPoint!);
            using var client = result.Socket;
            using var accepted = await listener.AcceptAsync();
            Connection.AssertCarries(client, accepted, "there"u8);
            if (!ImitatedKernel.CanRefuse)
            {
                Assert.Null(result.Unavailable);
                return;
            }

            Assert.Equal(MptcpStatus.Unavailable, result.Connection.Status);
            Assert.Equal(errno, result.Unavailable!.Errno);
            Assert.NotEqual(MptcpUnavailableReason.None, result.Unavailable.Reason);
            Assert.Contains("Multipath TCP", result.Unavailable.Explanation);
            Assert.NotNull(result.Unavailable.Remedy);
            Assert.False(MptcpSocket.TryCreate(AddressFamily.InterNetwork, out _, out var support));
            Assert.Equal(result.Unavailable.ToString(), support.ToString());

            var required = new MptcpConnectOptions { Mode = MptcpMode.Required };
            var failure = await Assert.ThrowsAsync<PlatformNotSupportedException>(() => MptcpConnector.ConnectAsync(listener.LocalEndPoint!, required));
            Assert.Equal(support.ToString(), failure.Message);
        }
    }

    /// <summary>TCP would fail as well.</summary>
    [Theory]
    [InlineData(Errno.ENOMEM)]
    [InlineData(Errno.ENFILE)]
    [InlineData(Errno.EMFILE)]
    [InlineData(Errno.ENOBUFS)]
    public void TryCreate_NothingLeft_Throws(int errno)
    {
        using (ImitatedKernel.Refuse("socket", errno))
        {
            Assert.Equal(ImitatedKernel.CanRefuse, Record.Exception(() => MptcpSocket.TryCreate(AddressFamily.InterNetwork, out _, out _)) is SocketException);
        }
    }

    [Theory]
    [MemberData(nameof(Errnos))]
    public void TryOpen_KernelRefusesNetlinkAtAnyStep_SaysWhy(int errno)
    {
        foreach (var step in new[] { "netlink-socket", "netlink-connect", "netlink-send", "netlink-join" })
        {
            using (ImitatedKernel.Refuse(step, errno))
            {
                var isOpen = MptcpPathMonitor.TryOpen(out var monitor, out var support);
                monitor?.Dispose();
                if (ImitatedKernel.CanRefuse)
                {
                    Assert.False(isOpen);

                    // Of a send .NET keeps only the errnos that it has a name for.
                    Assert.Equal((step, errno), (step, step == "netlink-send" ? errno : support.Errno));
                    Assert.NotEqual(MptcpUnavailableReason.None, support.Reason);
                    Assert.NotNull(support.Remedy);
                }
            }
        }
    }

    private sealed class Recorder(Socket socket) : MptcpConnection(socket)
    {
        public int LastUnexpected { get; private set; }

        protected override void OnUnexpected(in MptcpReading reading) => LastUnexpected = reading.Errno;
    }
}
