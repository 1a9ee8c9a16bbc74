using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mptcp.Sockets.Interop;
using Mptcp.Sockets.Paths;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Hosts and processes that can't have path events.</summary>
public sealed partial class MonitorSupportTests
{
    private const int CAP_NET_ADMIN = 12;

    [Fact]
    public async Task TryOpen_WithoutCapability_SaysSoAndWhatToDo()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        var (support, message) = host.Run(() =>
        {
            DropCapability(CAP_NET_ADMIN);
            Assert.False(MptcpPathMonitor.TryOpen(out var monitor, out var support));
            Assert.Null(monitor);
            return (support, Assert.Throws<PlatformNotSupportedException>(MptcpPathMonitor.Open).Message);
        });

        Assert.False(support.IsSupported);
        Assert.Equal(MptcpUnavailableReason.MissingCapability, support.Reason);
        Assert.Equal(Errno.EPERM, support.Errno);
        Assert.Contains("CAP_NET_ADMIN", support.Explanation);
        Assert.Contains("AmbientCapabilities=CAP_NET_ADMIN", support.Remedy);
        Assert.Contains("addresses, routes, firewall", support.Remedy);
        Assert.Contains("Multipath TCP works without it", support.Remedy);
        Assert.Equal(support.ToString(), message);

        // Only that thread: this one may.
        host.Run(MptcpPathMonitor.Open).Dispose();
    }

    [Fact]
    public async Task TryOpen_WithCapability_Supported()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        var support = host.Run(() =>
        {
            Assert.True(MptcpPathMonitor.TryOpen(out var monitor, out var support));
            monitor.Dispose();
            return support;
        });
        Assert.True(support.IsSupported);
        Assert.Null(support.Remedy);
    }

    [Theory]
    [InlineData("no_such_family", NetlinkConstants.MPTCP_PM_EV_GRP_NAME, MptcpUnavailableReason.NotBuiltIn, "CONFIG_MPTCP")]
    [InlineData(NetlinkConstants.MPTCP_PM_NAME, "no_such_group", MptcpUnavailableReason.KernelTooOld, "5.12")]
    public void TryOpen_KernelThatDoesNotHaveIt_SaysSo(string family, string group, MptcpUnavailableReason reason, string says)
    {
        Requires.Mptcp();
        Assert.False(MptcpPathMonitor.TryOpen(family, group, 4096, out _, out var support));
        Assert.Equal(reason, support.Reason);
        Assert.Contains(says, support.Explanation);
        Assert.NotNull(support.Remedy);
    }

    [Theory]
    [InlineData(Errno.EPROTONOSUPPORT, MptcpUnavailableReason.NotBuiltIn)]
    [InlineData(Errno.EAFNOSUPPORT, MptcpUnavailableReason.Denied)]
    [InlineData(Errno.EACCES, MptcpUnavailableReason.Denied)]
    [InlineData(Errno.EPERM, MptcpUnavailableReason.Denied)]
    [InlineData(5, MptcpUnavailableReason.Refused)]
    [InlineData(38, MptcpUnavailableReason.Refused)]
    public void ExplainOpen_EachErrno_GivesReasonAndRemedy(int errno, MptcpUnavailableReason reason)
    {
        var support = PathMonitorSupport.ExplainOpen(errno);
        Assert.Equal(reason, support.Reason);
        Assert.Equal(errno, support.Errno);
        Assert.NotNull(support.Remedy);
        Assert.DoesNotContain('\n', support.ToString());
    }

    [Fact]
    public void ExplainJoin_EachErrno_GivesReasonAndRemedy()
    {
        Assert.Equal(MptcpUnavailableReason.MissingCapability, PathMonitorSupport.ExplainJoin(Errno.EPERM).Reason);
        Assert.Equal(MptcpUnavailableReason.Denied, PathMonitorSupport.ExplainJoin(Errno.EACCES).Reason);
        Assert.Equal(MptcpUnavailableReason.Refused, PathMonitorSupport.ExplainJoin(38).Reason);
        Assert.Equal(MptcpUnavailableReason.NotLinux, PathMonitorSupport.NotLinux.Reason);
    }

    [Fact]
    public void Explain_NoSocketOfAnyKind_Throws()
    {
        Assert.Equal(
            SocketError.TooManyOpenSockets,
            Assert.Throws<SocketException>(() => PathMonitorSupport.ExplainOpen(Errno.EMFILE)).SocketErrorCode);
        Assert.Equal(
            SocketError.NoBufferSpaceAvailable,
            Assert.Throws<SocketException>(() => PathMonitorSupport.ExplainJoin(Errno.ENOMEM)).SocketErrorCode);
    }

    /// <summary>Takes the capability from this thread alone (capset(2)).</summary>
    internal static unsafe void DropCapability(int capability)
    {
        var header = stackalloc uint[2] { 0x20080522, 0 }; // _LINUX_CAPABILITY_VERSION_3, this thread
        var sets = stackalloc uint[6]; // effective, permitted and inheritable, for capabilities 0 to 31 and 32 to 63
        Assert.Equal(0, CapGet(header, sets));
        sets[0] &= ~(1u << capability);
        Assert.Equal(0, CapSet(header, sets));
    }

    [LibraryImport("libc", EntryPoint = "capget")]
    private static unsafe partial int CapGet(uint* header, uint* sets);

    [LibraryImport("libc", EntryPoint = "capset")]
    private static unsafe partial int CapSet(uint* header, uint* sets);
}
