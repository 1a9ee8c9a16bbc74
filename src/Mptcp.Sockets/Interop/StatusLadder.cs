using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Mptcp.Sockets.Interop;

/// <summary>
/// Asks the kernel whether a connection speaks MPTCP: SO_PROTOCOL first, which alone settles every plain TCP connection, then
/// MPTCP_INFO, or TCP_IS_MPTCP on kernels before 5.16, then TCP_INFO where that says that the connection fell back.
/// </summary>
internal static unsafe class StatusLadder
{
    /// <summary>In place of an errno: this process closed the socket, so there is no answer about it.</summary>
    public const int SocketClosed = -1;

    private enum InfoRung
    {
        NotProbed,
        Present,
        Absent,
    }

    private static volatile InfoRung s_infoRung;

    /// <summary>Climbs the ladder.</summary>
    /// <param name="handle">The socket; may be closed.</param>
    /// <param name="openedAsTcp">Whether the socket, or the listener that accepted it, was opened as TCP.</param>
    /// <param name="isConnected">What .NET knows; needed only where the kernel can't tell (before 5.16).</param>
    /// <param name="info">The figures, where the answer came with them.</param>
    /// <param name="infoLength">How many bytes of <paramref name="info"/> the kernel filled in; 0 without.</param>
    /// <param name="errno">
    /// The unexpected errno behind <see cref="MptcpStatus.Unknown"/>, <see cref="SocketClosed"/>, or 0.
    /// </param>
    /// <param name="isMptcpSocket">Whether SO_PROTOCOL, which never changes, was asked before and is IPPROTO_MPTCP.</param>
    public static MptcpStatus Ask(
        SafeSocketHandle handle, bool openedAsTcp, bool isConnected, out NativeMptcpInfo info, out int infoLength, out int errno,
        bool isMptcpSocket = false)
    {
        var descriptor = new SharedDescriptor(handle);
        var status = Climb(descriptor.Value, openedAsTcp, isConnected, out info, out infoLength, out errno, isMptcpSocket);
        if (descriptor.IsOpen)
        {
            return status;
        }

        infoLength = 0;
        errno = SocketClosed;
        return MptcpStatus.Unknown;
    }

    private static MptcpStatus Climb(
        int descriptor, bool openedAsTcp, bool isConnected, out NativeMptcpInfo info, out int infoLength, out int errno, bool isMptcpSocket)
    {
        Unsafe.SkipInit(out info);
        infoLength = 0;
        errno = 0;
        var protocol = LinuxConstants.IPPROTO_MPTCP;
        if (!isMptcpSocket)
        {
            errno = LibC.GetSocketOption(descriptor, LinuxConstants.SOL_SOCKET, LinuxConstants.SO_PROTOCOL, out protocol);
        }

        if (errno != 0)
        {
            return MptcpStatus.Unknown;
        }

        if (protocol == LinuxConstants.IPPROTO_TCP)
        {
            return openedAsTcp ? MptcpStatus.Unavailable : MptcpStatus.NotNegotiated;
        }

        if (protocol != LinuxConstants.IPPROTO_MPTCP)
        {
            return MptcpStatus.Unknown;
        }

        if (HasMptcpInfo())
        {
            return AskMptcpInfo(descriptor, out info, out infoLength, out errno);
        }

        // Not known whether there is MPTCP_INFO, for no fresh socket can be opened here: a refusal says nothing, an answer does.
        if (s_infoRung == InfoRung.NotProbed
            && AskMptcpInfo(descriptor, out info, out infoLength, out errno) is var status
            && infoLength > 0)
        {
            s_infoRung = InfoRung.Present;
            return status;
        }

        return AskTcpIsMptcp(descriptor, isConnected, out errno);
    }

    /// <summary>
    /// MPTCP_INFO (Linux 5.16): refused once a connection is TCP, by the IPv4 layer with EOPNOTSUPP and by the IPv6 layer with
    /// ENOPROTOOPT. On kernels before 5.16 EOPNOTSUPP says nothing, so ask only where <see cref="HasMptcpInfo"/>.
    /// </summary>
    public static MptcpStatus AskMptcpInfo(int descriptor, out NativeMptcpInfo info, out int length, out int errno)
    {
        Unsafe.SkipInit(out info);
        var size = sizeof(NativeMptcpInfo);
        fixed (NativeMptcpInfo* pointer = &info)
        {
            // Kernels before 6.10 leave the end as it is; what they leave is never shown, but it must not be stack garbage.
            *pointer = default;
            errno = LibC.GetSocketOption(descriptor, LinuxConstants.SOL_MPTCP, LinuxConstants.MPTCP_INFO, pointer, ref size);
        }

        length = 0;
        switch (errno)
        {
            case 0 when size < NativeMptcpInfo.SizeLinux5_16:
                errno = Errno.EBADMSG;
                return MptcpStatus.Unknown;

            case 0:
                length = size;
                return Judge(info, size);

            case Errno.EOPNOTSUPP or Errno.ENOPROTOOPT:
                errno = 0;
                return JudgeFallback(descriptor);

            default:
                return MptcpStatus.Unknown;
        }
    }

    /// <summary>The status of a connection that the kernel still treats as MPTCP.</summary>
    /// <param name="info">The kernel's answer.</param>
    /// <param name="length">The number of bytes in it: without its flags an answer says nothing.</param>
    public static MptcpStatus Judge(in NativeMptcpInfo info, int length)
    {
        if (length < NativeMptcpInfo.SizeLinux5_16)
        {
            return MptcpStatus.Unknown;
        }

        // Seen here only in a race: after the fallback the kernel hands getsockopt to TCP, which refuses.
        if ((info.mptcpi_flags & LinuxConstants.MPTCP_INFO_FLAG_FALLBACK) != 0)
        {
            return MptcpStatus.FellBack;
        }

        // Without the peer's key nothing was negotiated: a listener, a connect that is under way or that failed.
        return (info.mptcpi_flags & LinuxConstants.MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED) != 0 ? MptcpStatus.Active : MptcpStatus.Unknown;
    }

    /// <summary>
    /// TCP_IS_MPTCP: 1 or 0 since Linux 6.10. An older kernel doesn't know the option, and the errno tells who refused it:
    /// EOPNOTSUPP is the MPTCP layer's, ENOPROTOOPT is TCP's. Unambiguous for IPv4 and IPv6 on every kernel that has MPTCP.
    /// </summary>
    public static MptcpStatus AskTcpIsMptcp(int descriptor, bool isConnected, out int errno)
    {
        errno = LibC.GetSocketOption(descriptor, LinuxConstants.SOL_TCP, LinuxConstants.TCP_IS_MPTCP, out var isMptcp);
        switch (errno)
        {
            case 0 when isMptcp == 0:
            case Errno.ENOPROTOOPT:
                errno = 0;
                return JudgeFallback(descriptor);

            case 0:
            case Errno.EOPNOTSUPP:
                // An MPTCP socket that never was connected gives the same answer.
                errno = 0;
                return isConnected ? MptcpStatus.Active : MptcpStatus.Unknown;

            default:
                return MptcpStatus.Unknown;
        }
    }

    /// <summary>
    /// The kernel also answers like this for a dialled connection that the peer reset before any byte was acknowledged, whether or not the
    /// peer speaks MPTCP (seen on Linux 6.18: the reset carries no MPTCP option that the kernel accepts at that point). The two can't be
    /// distinguished afterwards.
    /// </summary>
    private static MptcpStatus JudgeFallback(int descriptor)
    {
        NativeTcpInfo tcp = default;
        var length = sizeof(NativeTcpInfo);
        var errno = LibC.GetSocketOption(descriptor, LinuxConstants.SOL_TCP, LinuxConstants.TCP_INFO, &tcp, ref length);

        // TCP counts the SYN and the FIN of the peer, so a byte received is a byte or an orderly end, and one byte acknowledged is the SYN.
        return errno == 0 && tcp is { tcpi_state: NativeTcpInfo.Closed, tcpi_bytes_received: 0, tcpi_bytes_acked: <= 1 }
            ? MptcpStatus.Unknown
            : MptcpStatus.FellBack;
    }

    /// <summary>
    /// Whether this kernel has MPTCP_INFO. Asked of a fresh MPTCP socket, which can't have fallen back, and not read off the
    /// kernel's version, since distributions backport.
    /// </summary>
    public static bool HasMptcpInfo()
    {
        if (s_infoRung == InfoRung.NotProbed)
        {
            s_infoRung = ProbeMptcpInfo();
        }

        return s_infoRung == InfoRung.Present;
    }

    private static InfoRung ProbeMptcpInfo()
    {
        if (LibC.OpenStreamSocket(AddressFamily.InterNetwork, LinuxConstants.IPPROTO_MPTCP, out var handle) != 0)
        {
            // Switched off since (net.mptcp.enabled=0) or out of descriptors: no answer, so the question stays open.
            return InfoRung.NotProbed;
        }

        using (handle)
        {
            var length = 0;
            return LibC.GetSocketOption((int)handle!.DangerousGetHandle(), LinuxConstants.SOL_MPTCP, LinuxConstants.MPTCP_INFO, null, ref length) == 0
                ? InfoRung.Present
                : InfoRung.Absent;
        }
    }
}
