using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

public sealed class SupportTests
{
    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void Check_HostWithMptcp_Supported(AddressFamily family)
    {
        Requires.Mptcp();
        var support = MptcpSupport.Check(family);
        Assert.True(support.IsSupported);
        Assert.Equal(MptcpUnavailableReason.None, support.Reason);
        Assert.Equal(0, support.Errno);
        Assert.Null(support.Remedy);
    }

    [Fact]
    public async Task Check_SwitchedOffInTheNamespace_SaysSoAndHowToSwitchItOn()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ExecuteAsync("sysctl", "-qw", "net.mptcp.enabled=0");

        var support = host.Run(() => MptcpSupport.Check());
        Assert.Equal(MptcpUnavailableReason.DisabledBySysctl, support.Reason);
        Assert.Equal(Errno.ENOPROTOOPT, support.Errno);

        var failure = Assert.Throws<PlatformNotSupportedException>(() => host.Run(() => MptcpSocket.Create(AddressFamily.InterNetworkV6)));
        Assert.Equal(support.ToString(), failure.Message);

        // The remedy is a command: run it.
        const string Command = "sysctl -w net.mptcp.enabled=1";
        Assert.EndsWith(Command, support.Remedy);
        await host.ExecuteAsync("sh", "-c", Command);
        Assert.True(host.Run(() => MptcpSupport.Check()).IsSupported);
    }

    [Fact]
    public async Task GetStatus_SwitchedOffWhileConnected_StillRight()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        using var connection = host.Run(() => Connection.Establish());
        await host.ExecuteAsync("sysctl", "-qw", "net.mptcp.enabled=0");
        Assert.Equal(MptcpStatus.Active, host.Run(() => MptcpSocket.GetStatus(connection.Accepted)));
        connection.AssertEchoes();
    }

    [Theory]
    [InlineData(Errno.EINVAL, AddressFamily.InterNetwork, MptcpUnavailableReason.KernelTooOld, "5.6")]
    [InlineData(Errno.EPROTONOSUPPORT, AddressFamily.InterNetwork, MptcpUnavailableReason.NotBuiltIn, "CONFIG_MPTCP)")]
    [InlineData(Errno.EPROTONOSUPPORT, AddressFamily.InterNetworkV6, MptcpUnavailableReason.NotBuiltIn, "CONFIG_MPTCP_IPV6")]
    [InlineData(Errno.ENOPROTOOPT, AddressFamily.InterNetwork, MptcpUnavailableReason.DisabledBySysctl, "net.mptcp.enabled")]
    [InlineData(Errno.EPERM, AddressFamily.InterNetwork, MptcpUnavailableReason.Denied, "seccomp")]
    [InlineData(Errno.EACCES, AddressFamily.InterNetworkV6, MptcpUnavailableReason.Denied, "SELinux")]
    [InlineData(Errno.EAFNOSUPPORT, AddressFamily.InterNetwork, MptcpUnavailableReason.Denied, "seccomp")]
    [InlineData(5, AddressFamily.InterNetwork, MptcpUnavailableReason.Refused, "errno 5: Input/output error")]
    [InlineData(38, AddressFamily.InterNetworkV6, MptcpUnavailableReason.Refused, "errno 38: Function not implemented")]
    [InlineData(91, AddressFamily.InterNetwork, MptcpUnavailableReason.Refused, "errno 91")]
    [InlineData(94, AddressFamily.InterNetwork, MptcpUnavailableReason.Refused, "errno 94")]
    [InlineData(Errno.EOPNOTSUPP, AddressFamily.InterNetwork, MptcpUnavailableReason.Refused, "errno 95")]
    [InlineData(9999, AddressFamily.InterNetwork, MptcpUnavailableReason.Refused, "errno 9999")]
    public void Explain_EachErrno_GivesReasonAndRemedy(int errno, AddressFamily family, MptcpUnavailableReason reason, string says)
    {
        var support = MptcpSupport.Explain(errno, family);
        Assert.False(support.IsSupported);
        Assert.Equal(reason, support.Reason);
        Assert.Equal(errno, support.Errno);
        Assert.Contains(says, support.Explanation);
        Assert.NotNull(support.Remedy);
        Assert.DoesNotContain('\n', support.ToString());
    }

    /// <summary>What stops TCP as well is no reason to use TCP instead.</summary>
    [Theory]
    [InlineData(Errno.EMFILE, AddressFamily.InterNetwork, SocketError.TooManyOpenSockets)]
    [InlineData(Errno.ENOBUFS, AddressFamily.InterNetwork, SocketError.NoBufferSpaceAvailable)]
    [InlineData(Errno.EAFNOSUPPORT, AddressFamily.InterNetworkV6, SocketError.AddressFamilyNotSupported)]
    [InlineData(Errno.ENFILE, AddressFamily.InterNetwork, SocketError.TooManyOpenSockets)]
    [InlineData(Errno.ENOMEM, AddressFamily.InterNetworkV6, SocketError.NoBufferSpaceAvailable)]
    public void Explain_NoSocketOfAnyProtocol_Throws(int errno, AddressFamily family, SocketError expected) =>
        Assert.Equal(expected, Assert.Throws<SocketException>(() => MptcpSupport.Explain(errno, family)).SocketErrorCode);

    [Fact]
    public void Create_OtherAddressFamily_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MptcpSocket.Create(AddressFamily.Unix));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Create_PortInTimeWait_BindsAgainButNotTwice(string address)
    {
        Requires.Mptcp();
        var ip = IPAddress.Parse(address);
        EndPoint local;
        using (var connection = Connection.Establish(ip, ip))
        {
            local = connection.Listener.LocalEndPoint!;
            Assert.True(IsListenedOn());
            connection.AssertEchoes(1);

            // The end that closes first is the one in TIME_WAIT.
            connection.Accepted.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, connection.Client.Receive(new byte[1]));
            connection.Client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, connection.Accepted.Receive(new byte[1]));
        }

        // A program that another test starts may hold the listener until it runs.
        await Wait.UntilAsync(() => !IsListenedOn());
        using var again = MptcpSocket.Create(ip.AddressFamily);
        again.Bind(local);
        again.Listen();

        using var second = MptcpSocket.Create(ip.AddressFamily);
        var failure = Assert.Throws<SocketException>(() => second.Bind(local));
        Assert.Equal(SocketError.AddressAlreadyInUse, failure.SocketErrorCode);

        bool IsListenedOn() => IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Contains(local);
    }

    [Fact]
    public void Create_IPv6_TakesNoIPv4UntilDualMode()
    {
        Requires.Mptcp();
        using var socket = MptcpSocket.Create(AddressFamily.InterNetworkV6);
        Assert.False(socket.DualMode);
        socket.DualMode = true;
        Assert.True(socket.DualMode);
    }

    [Fact]
    public async Task Create_ProgramStarted_DoesNotInheritTheSocket()
    {
        Requires.Mptcp();
        using var socket = MptcpSocket.Create(AddressFamily.InterNetwork);
        var listing = await Command.RunCheckedAsync("ls", "-l", "/proc/self/fd");
        Assert.Contains("pipe:", listing);
        Assert.DoesNotContain("socket:", listing);
    }
}
