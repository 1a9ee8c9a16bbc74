namespace Mptcp.Sockets;

/// <summary>Why a host can't open MPTCP sockets, or watch their paths.</summary>
public enum MptcpUnavailableReason
{
    /// <summary>It can.</summary>
    None = 0,

    /// <summary>Only Linux has MPTCP sockets that .NET can open.</summary>
    NotLinux,

    /// <summary>The kernel does not know IPPROTO_MPTCP: Linux before 5.6, or a sandbox with a network stack of its own (EINVAL).</summary>
    KernelTooOld,

    /// <summary>The kernel was built without CONFIG_MPTCP, or without CONFIG_MPTCP_IPV6 for IPv6 (EPROTONOSUPPORT).</summary>
    NotBuiltIn,

    /// <summary>net.mptcp.enabled is 0 in this network namespace (ENOPROTOOPT).</summary>
    DisabledBySysctl,

    /// <summary>A security policy refuses it: seccomp, SELinux, AppArmor, BPF (EPERM, EACCES, EAFNOSUPPORT).</summary>
    Denied,

    /// <summary>
    /// The process may open MPTCP sockets but not watch their paths: it lacks CAP_NET_ADMIN (EPERM). Only
    /// <see cref="MptcpPathMonitor"/> needs it.
    /// </summary>
    MissingCapability,

    /// <summary>The kernel refuses it with another errno, such as ENOSYS from a sandbox. <see cref="MptcpSupport.Errno"/> has it.</summary>
    Refused,
}
