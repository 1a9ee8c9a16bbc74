using System.Net.Sockets;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Paths;

/// <summary>Why the kernel's path events can't be had, in words.</summary>
internal static class PathMonitorSupport
{
    private const string HowToGetTheCapability =
        "Give it to the process, with AmbientCapabilities=CAP_NET_ADMIN in its systemd unit or as root in a container started with --cap-add=NET_ADMIN, or do without path events.";

    public static MptcpSupport Supported { get; } = new(
        MptcpUnavailableReason.None, 0, "This process can watch the paths of its host's Multipath TCP connections.", null);

    public static MptcpSupport NotLinux { get; } = new(
        MptcpUnavailableReason.NotLinux, 0, "Path events exist on Linux only.", "Run on Linux 5.12 or later to have them.");

    public static MptcpSupport NoFamily { get; } = new(
        MptcpUnavailableReason.NotBuiltIn, 0,
        "This kernel has no Multipath TCP path manager (generic netlink family mptcp_pm): it was built without Multipath TCP (CONFIG_MPTCP) or is too old for it.",
        "Use Linux 5.12 or later with it: the stock kernels of Debian 12, Ubuntu 22.04 and Fedora do.");

    public static MptcpSupport NoEvents { get; } = new(
        MptcpUnavailableReason.KernelTooOld, 0,
        "This kernel has Multipath TCP but tells no path events (multicast group mptcp_pm_events): it is older than Linux 5.12.",
        "Run on Linux 5.12 or later to have them.");

    /// <summary>Netlink sockets are refused.</summary>
    /// <exception cref="SocketException">No socket of any kind can be opened.</exception>
    public static MptcpSupport ExplainOpen(int errno) => errno switch
    {
        Errno.EPROTONOSUPPORT => new(
            MptcpUnavailableReason.NotBuiltIn, errno,
            "This kernel, or the sandbox with a network stack of its own, has no generic netlink, over which path events are told.",
            "Run on Linux 5.12 or later, outside of such a sandbox, to have them."),

        Errno.EPERM or Errno.EACCES or Errno.EAFNOSUPPORT => new(
            MptcpUnavailableReason.Denied, errno,
            "A security policy of this host (systemd, seccomp, SELinux, AppArmor or BPF) denies netlink sockets, over which path events are told.",
            "Allow them for this process: AF_NETLINK in RestrictAddressFamilies= of its systemd unit, or socket() with protocol 16 (NETLINK_GENERIC)."),

        _ => throw new SocketException((int)Errno.ToSocketError(errno)),
    };

    /// <summary>The multicast group is refused.</summary>
    /// <exception cref="SocketException">For no known reason.</exception>
    public static MptcpSupport ExplainJoin(int errno) => errno switch
    {
        Errno.EPERM => new(
            MptcpUnavailableReason.MissingCapability, errno,
            "This process lacks CAP_NET_ADMIN in its network namespace, without which the kernel tells no path events.",
            HowToGetTheCapability),

        Errno.EACCES => new(
            MptcpUnavailableReason.Denied, errno,
            "A security policy of this host (SELinux, AppArmor or BPF) denies path events.",
            "Allow this process to join the multicast group mptcp_pm_events of generic netlink."),

        _ => throw new SocketException((int)Errno.ToSocketError(errno)),
    };
}
