namespace Mptcp.Sockets.Interop;

/// <summary>Protocol, level and option numbers of the kernel's headers. A test compares them with a C program.</summary>
internal static class LinuxConstants
{
    // <linux/in.h>
    public const int IPPROTO_TCP = 6;
    public const int IPPROTO_MPTCP = 262;

    // <asm-generic/fcntl.h>
    public const int F_GETFL = 3;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;

    // <bits/socket.h>, <asm-generic/socket.h>
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int SOCK_STREAM = 1;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOL_SOCKET = 1;
    public const int SO_REUSEADDR = 2;
    public const int SO_PROTOCOL = 38;

    // <linux/tcp.h>
    public const int SOL_TCP = 6;
    public const int TCP_INFO = 11;
    public const int TCP_IS_MPTCP = 43;

    // <linux/mptcp.h>
    public const int SOL_MPTCP = 284;
    public const int MPTCP_INFO = 1;
    public const int MPTCP_TCPINFO = 2;
    public const int MPTCP_SUBFLOW_ADDRS = 3;
    public const int MPTCP_FULL_INFO = 4;
    public const uint MPTCP_INFO_FLAG_FALLBACK = 1;
    public const uint MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED = 2;
}
