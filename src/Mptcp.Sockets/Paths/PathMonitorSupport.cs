using System.Net.Sockets;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Paths;

/// <summary>Why the kernel's path events can't be had, in words.</summary>
internal static class PathMonitorSupport
{
    private const string HowToGetTheCapability =
        "Multipath TCP works without it. The capability also lets the process change addresses, routes, firewall rules and interfaces of that network namespace: where that is acceptable, set AmbientCapabilities=CAP_NET_ADMIN in its systemd unit, or run it as root in a container started with --cap-add=NET_ADMIN.";

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
        "This kernel has Multipath TCP but reports no path events (multicast group mptcp_pm_events): it is older than Linux 5.12.",
        "Run on Linux 5.12 or later to have them.");

    /// <summary>Netlink sockets are refused.</summary>
    /// <exception cref="SocketException">Out of descriptors or memory.</exception>
    public static MptcpSupport ExplainOpen(int errno) => errno switch
    {
        Errno.EPROTONOSUPPORT => new(
            MptcpUnavailableReason.NotBuiltIn, errno,
            "This kernel, or the sandbox with a network stack of its own, has no generic netlink, over which path events come.",
            "Run on Linux 5.12 or later, outside of such a sandbox, to have them."),

        Errno.EPERM or Errno.EACCES or Errno.EAFNOSUPPORT => new(
            MptcpUnavailableReason.Denied, errno,
            "A security policy of this host (systemd, seccomp, SELinux, AppArmor or BPF) denies netlink sockets, over which path events come.",
            "Allow them for this process: AF_NETLINK in RestrictAddressFamilies= of its systemd unit, or socket() with protocol 16 (NETLINK_GENERIC)."),

        _ => ExplainOther(errno),
    };

    /// <summary>The multicast group is refused.</summary>
    /// <exception cref="SocketException">Out of descriptors or memory.</exception>
    public static MptcpSupport ExplainJoin(int errno) => errno switch
    {
        Errno.EPERM => new(
            MptcpUnavailableReason.MissingCapability, errno,
            "This process lacks CAP_NET_ADMIN in its network namespace, without which the kernel reports no path events.",
            HowToGetTheCapability),

        Errno.EACCES => new(
            MptcpUnavailableReason.Denied, errno,
            "A security policy of this host (SELinux, AppArmor or BPF) denies path events.",
            "Allow this process to join the multicast group mptcp_pm_events of generic netlink."),

        _ => ExplainOther(errno),
    };

    /// <summary>Sending to the kernel or receiving from it failed. .NET keeps only the errnos that it has a name for.</summary>
    public static MptcpSupport ExplainFailure(SocketException failure) => Refused(Math.Max(failure.NativeErrorCode, 0), failure.Message);

    private static MptcpSupport ExplainOther(int errno) => Errno.IsExhaustion(errno)
        ? throw new SocketException((int)Errno.ToSocketError(errno))
        : Refused(errno, Errno.Describe(errno));

    private static MptcpSupport Refused(int errno, string error) => new(
        MptcpUnavailableReason.Refused, errno,
        $"This host refuses path events over generic netlink ({error}).",
        "Multipath TCP works without them. To have them, allow generic netlink for this process: a sandbox or a security policy refuses it.");
}
