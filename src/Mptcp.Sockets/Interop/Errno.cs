using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>The errno values this library acts on (<c>asm-generic/errno.h</c>, the same on every architecture .NET has).</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int EBADF = 9;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int EBADMSG = 74;
    public const int ENOPROTOOPT = 92;
    public const int EPROTONOSUPPORT = 93;
    public const int EOPNOTSUPP = 95;
    public const int EAFNOSUPPORT = 97;
    public const int ECONNRESET = 104;
    public const int ENOBUFS = 105;

    /// <summary>The number with the system's text, for sentences.</summary>
    public static string Describe(int errno) => $"errno {errno}: {Marshal.GetPInvokeErrorMessage(errno)}";

    /// <summary>Whether sockets of every kind fail like this: out of descriptors or memory.</summary>
    public static bool IsExhaustion(int errno) => errno is EMFILE or ENFILE or ENOMEM or ENOBUFS;

    /// <summary>The <see cref="SocketError"/> of an errno: <see cref="SocketException"/> takes the former, not the latter.</summary>
    public static SocketError ToSocketError(int errno) => errno switch
    {
        EPERM or EACCES => SocketError.AccessDenied,
        ENOMEM or ENOBUFS => SocketError.NoBufferSpaceAvailable,
        EINVAL => SocketError.InvalidArgument,
        ENFILE or EMFILE => SocketError.TooManyOpenSockets,
        ENOPROTOOPT => SocketError.ProtocolOption,
        EPROTONOSUPPORT => SocketError.ProtocolNotSupported,
        EOPNOTSUPP => SocketError.OperationNotSupported,
        EAFNOSUPPORT => SocketError.AddressFamilyNotSupported,
        _ => SocketError.SocketError,
    };
}
