using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>The system calls, with the errno as a value: 0 is success.</summary>
internal static unsafe partial class LibC
{
    /// <summary>Opens a socket that is closed on exec.</summary>
    /// <returns>0 and the handle, or the errno and null.</returns>
    public static int OpenStreamSocket(AddressFamily addressFamily, int protocol, out SafeSocketHandle? handle)
    {
        var domain = addressFamily == AddressFamily.InterNetworkV6 ? LinuxConstants.AF_INET6 : LinuxConstants.AF_INET;
        var descriptor = SocketCore(domain, LinuxConstants.SOCK_STREAM | LinuxConstants.SOCK_CLOEXEC, protocol);
        if (descriptor < 0)
        {
            handle = null;
            return Marshal.GetLastPInvokeError();
        }

        handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        return 0;
    }

    /// <summary>Reads a socket option into <paramref name="value"/>; at most <paramref name="length"/> bytes, which comes back as the number written.</summary>
    /// <returns>0 or the errno; EBADF for a handle that is closed, also when another thread closes it at this moment.</returns>
    public static int GetSocketOption(SafeSocketHandle socket, int level, int option, void* value, ref int length)
    {
        if (socket.IsClosed)
        {
            return Errno.EBADF;
        }

        try
        {
            fixed (int* lengthPointer = &length)
            {
                return GetSockOptCore(socket, level, option, value, lengthPointer) == 0 ? 0 : Marshal.GetLastPInvokeError();
            }
        }
        catch (ObjectDisposedException)
        {
            // Closed between the check above and the marshaller's reference: the same answer as a moment later.
            return Errno.EBADF;
        }
    }

    /// <summary>Reads a socket option that is one C <c>int</c>.</summary>
    /// <returns>0 or the errno.</returns>
    public static int GetSocketOption(SafeSocketHandle socket, int level, int option, out int value)
    {
        int result;
        var length = sizeof(int);
        var errno = GetSocketOption(socket, level, option, &result, ref length);
        value = errno == 0 ? result : 0;
        return errno;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int SocketCore(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSockOptCore(SafeSocketHandle socket, int level, int option, void* value, int* length);
}
