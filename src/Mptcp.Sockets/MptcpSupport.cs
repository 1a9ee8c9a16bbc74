using System.Net.Sockets;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets;

/// <summary>Whether this host can open MPTCP sockets now, or watch their paths, and if not, why and what to do.</summary>
/// <remarks>
/// Found out by opening a socket in the caller's network namespace, never by a kernel version: distributions backport,
/// administrators switch off, sandboxes deny.
/// </remarks>
public sealed class MptcpSupport
{
    private static readonly MptcpSupport s_supported =
        new(MptcpUnavailableReason.None, 0, "This host can open Multipath TCP sockets.", null);

    private static readonly MptcpSupport s_notLinux =
        new(MptcpUnavailableReason.NotLinux, 0, "Multipath TCP sockets exist on Linux only.", "Run on Linux 5.6 or later to use it.");

    internal MptcpSupport(MptcpUnavailableReason reason, int errno, string explanation, string? remedy)
    {
        Reason = reason;
        Errno = errno;
        Explanation = explanation;
        Remedy = remedy;
    }

    /// <summary>Whether an MPTCP socket, or a monitor of the paths, could be opened.</summary>
    public bool IsSupported => Reason == MptcpUnavailableReason.None;

    /// <summary>Why not.</summary>
    public MptcpUnavailableReason Reason { get; }

    /// <summary>The errno of <c>socket(2)</c>, or of the call that the monitor of the paths needs; or 0.</summary>
    public int Errno { get; }

    /// <summary>What was found, in a sentence.</summary>
    public string Explanation { get; }

    /// <summary>What to do about it, in a sentence; null when there is nothing to do.</summary>
    public string? Remedy { get; }

    /// <summary>Finds out whether this host can open MPTCP sockets now. Opens and closes one socket.</summary>
    /// <param name="addressFamily">
    /// <see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>: a kernel can have MPTCP for one
    /// of them only.
    /// </param>
    /// <returns>The finding.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The address family is not one of the two.</exception>
    /// <exception cref="SocketException">No socket of any protocol can be opened: no descriptors or memory left, or no IPv6.</exception>
    public static MptcpSupport Check(AddressFamily addressFamily = AddressFamily.InterNetwork)
    {
        var support = Open(addressFamily, out var handle);
        handle?.Dispose();
        return support;
    }

    /// <summary>The explanation and the remedy.</summary>
    /// <returns>One line.</returns>
    public override string ToString() => Remedy is null ? Explanation : $"{Explanation} {Remedy}";

    /// <summary>Opens a raw MPTCP socket; the handle is null exactly when the host does not support it.</summary>
    internal static MptcpSupport Open(AddressFamily addressFamily, out SafeSocketHandle? handle)
    {
        if (addressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
        {
            throw new ArgumentOutOfRangeException(
                nameof(addressFamily), addressFamily, "Multipath TCP runs over InterNetwork (IPv4) and InterNetworkV6 (IPv6) only.");
        }

        if (!OperatingSystem.IsLinux())
        {
            handle = null;
            return s_notLinux;
        }

        var errno = LibC.OpenStreamSocket(addressFamily, LinuxConstants.IPPROTO_MPTCP, out handle);
        return errno == 0 ? s_supported : Explain(errno, addressFamily);
    }

    /// <summary>
    /// Makes a fresh TCP socket an MPTCP one, by putting another socket in the place of its descriptor; leaves it as it is exactly when the
    /// host does not support it.
    /// </summary>
    /// <remarks>
    /// To wrap a descriptor of our own costs seven system calls, in which .NET asks what it is; this way four. And .NET goes on to treat
    /// the socket as the TCP socket that it is to an application.
    /// </remarks>
    internal static MptcpSupport Convert(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return s_notLinux;
        }

        var errno = LibC.ReplaceStreamSocket(socket.SafeHandle, socket.AddressFamily, LinuxConstants.IPPROTO_MPTCP);
        return errno switch
        {
            0 => s_supported,

            // The socket shows that the host has the family: MPTCP is denied, as it can be for IPv4.
            Interop.Errno.EAFNOSUPPORT => Explain(errno, AddressFamily.InterNetwork),
            _ => Explain(errno, socket.AddressFamily),
        };
    }

    internal static MptcpSupport Explain(int errno, AddressFamily addressFamily) => errno switch
    {
        Interop.Errno.EINVAL => new(
            MptcpUnavailableReason.KernelTooOld, errno,
            "This kernel does not know Multipath TCP: it is older than Linux 5.6, or a sandbox with a network stack of its own, such as gVisor.",
            "Run on Linux 5.6 or later (5.16 or later to see figures)."),

        Interop.Errno.EPROTONOSUPPORT when addressFamily == AddressFamily.InterNetworkV6 => new(
            MptcpUnavailableReason.NotBuiltIn, errno,
            "This kernel was built without Multipath TCP for IPv6 (CONFIG_MPTCP_IPV6).",
            "Use a kernel that has it: the stock kernels of Debian 12, Ubuntu 22.04 and Fedora do."),

        Interop.Errno.EPROTONOSUPPORT => new(
            MptcpUnavailableReason.NotBuiltIn, errno,
            "This kernel was built without Multipath TCP (CONFIG_MPTCP).",
            "Use a kernel that has it: the stock kernels of Debian 12, Ubuntu 22.04 and Fedora do."),

        Interop.Errno.ENOPROTOOPT => new(
            MptcpUnavailableReason.DisabledBySysctl, errno,
            "Multipath TCP is switched off in this network namespace (net.mptcp.enabled is 0).",
            "Switch it on with: sysctl -w net.mptcp.enabled=1"),

        // What a host without IPv6 says of TCP as well.
        Interop.Errno.EAFNOSUPPORT when addressFamily == AddressFamily.InterNetworkV6 =>
            throw new SocketException((int)SocketError.AddressFamilyNotSupported),

        Interop.Errno.EPERM or Interop.Errno.EACCES or Interop.Errno.EAFNOSUPPORT => new(
            MptcpUnavailableReason.Denied, errno,
            "A security policy of this host (seccomp, SELinux, AppArmor or BPF) denies Multipath TCP sockets.",
            "Allow socket() with protocol 262 (IPPROTO_MPTCP) for this process."),

        // TCP needs descriptors and memory as well, so it is no way out.
        _ when Interop.Errno.IsExhaustion(errno) => throw new SocketException((int)Interop.Errno.ToSocketError(errno)),

        _ => new(
            MptcpUnavailableReason.Refused, errno,
            $"This host refuses Multipath TCP sockets ({Interop.Errno.Describe(errno)}).",
            "Allow socket() with protocol 262 (IPPROTO_MPTCP) for this process: a sandbox, a security policy or a kernel without Multipath TCP refuses it."),
    };
}
