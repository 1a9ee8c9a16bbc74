using System.Net.Sockets;
using System.Runtime.InteropServices;

// Otherwise .NET looks for libc in the folder of the application first, and loads a libc.so that lies there.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.System32)]

namespace Mptcp.Sockets.Interop;

/// <summary>The system calls, with the errno as a value: 0 is success.</summary>
internal static unsafe partial class LibC
{
    /// <summary>Opens a socket that is closed on exec.</summary>
    /// <returns>0 and the handle, or the errno and null.</returns>
    public static int OpenStreamSocket(AddressFamily addressFamily, int protocol, out SafeSocketHandle? handle)
    {
        var domain = addressFamily == AddressFamily.InterNetworkV6 ? LinuxConstants.AF_INET6 : LinuxConstants.AF_INET;
        return OpenSocket(domain, LinuxConstants.SOCK_STREAM, protocol, out handle);
    }

    /// <summary>Opens a socket of any kind that is closed on exec.</summary>
    /// <returns>0 and the handle, or the errno and null.</returns>
    public static int OpenSocket(int domain, int type, int protocol, out SafeSocketHandle? handle)
    {
        var descriptor = SocketCore(domain, type | LinuxConstants.SOCK_CLOEXEC, protocol);
        if (descriptor < 0)
        {
            handle = null;
            return Marshal.GetLastPInvokeError();
        }

        handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        return 0;
    }

    /// <summary>Opens a stream socket in the place of another one: what the handle stands for from then on.</summary>
    /// <returns>0, or the errno of socket(2), and the handle is as it was.</returns>
    public static int ReplaceStreamSocket(SafeSocketHandle handle, AddressFamily addressFamily, int protocol)
    {
        var domain = addressFamily == AddressFamily.InterNetworkV6 ? LinuxConstants.AF_INET6 : LinuxConstants.AF_INET;
        var descriptor = SocketCore(domain, LinuxConstants.SOCK_STREAM | LinuxConstants.SOCK_CLOEXEC, protocol);
        if (descriptor < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        try
        {
            return Dup3Core(descriptor, handle, LinuxConstants.O_CLOEXEC) < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        finally
        {
            // Nobody else knows the number.
            _ = CloseCore(descriptor);
        }
    }

    /// <summary>Reads a socket option into <paramref name="value"/>; at most <paramref name="length"/> bytes, which comes back as the number written.</summary>
    /// <param name="descriptor">As of <see cref="SharedDescriptor"/>.</param>
    /// <param name="level">The level of the option.</param>
    /// <param name="option">The option.</param>
    /// <param name="value">Where the option goes.</param>
    /// <param name="length">The size of that place.</param>
    /// <returns>0 or the errno.</returns>
    public static int GetSocketOption(int descriptor, int level, int option, void* value, ref int length)
    {
        var size = length;
        var errno = GetSockOptCore(descriptor, level, option, value, &size) == 0 ? 0 : Marshal.GetLastPInvokeError();
        length = size;
        return errno;
    }

    /// <summary>Reads a socket option that is one C <c>int</c>.</summary>
    /// <returns>0 or the errno; EBADMSG when the answer is no <c>int</c>.</returns>
    public static int GetSocketOption(int descriptor, int level, int option, out int value)
    {
        int result;
        var size = sizeof(int);
        var errno = GetSockOptCore(descriptor, level, option, &result, &size) != 0 ? Marshal.GetLastPInvokeError()
            : size == sizeof(int) ? 0
            : Errno.EBADMSG;
        value = errno == 0 ? result : 0;
        return errno;
    }

    /// <summary>The flags of an open file, such as O_NONBLOCK; 0 when they can't be read.</summary>
    /// <param name="descriptor">As of <see cref="SharedDescriptor"/>.</param>
    public static int GetFileFlags(int descriptor) => Math.Max(FcntlCore(descriptor, LinuxConstants.F_GETFL, 0), 0);

    /// <summary>Sets a socket option that is one C <c>int</c>.</summary>
    /// <returns>0 or the errno.</returns>
    public static int SetSocketOption(SafeSocketHandle socket, int level, int option, int value) =>
        SetSockOptCore(socket, level, option, &value, sizeof(int)) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Connects to a raw socket address.</summary>
    /// <returns>0 or the errno.</returns>
    public static int Connect(SafeSocketHandle socket, ReadOnlySpan<byte> address)
    {
        fixed (byte* pointer = address)
        {
            return ConnectCore(socket, pointer, (uint)address.Length) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>The name of a network interface, or null: it is gone.</summary>
    public static string? GetInterfaceName(int index)
    {
        const int IF_NAMESIZE = 16; // <net/if.h>
        var name = stackalloc byte[IF_NAMESIZE];
        return IfIndexToNameCore((uint)index, name) is null ? null : Marshal.PtrToStringUTF8((nint)name);
    }

    [LibraryImport("libc", EntryPoint = "if_indextoname")]
    private static partial byte* IfIndexToNameCore(uint index, byte* name);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int SocketCore(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "dup3", SetLastError = true)]
    private static partial int Dup3Core(int from, SafeSocketHandle to, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseCore(int descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FcntlCore(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSockOptCore(int descriptor, int level, int option, void* value, int* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSockOptCore(SafeSocketHandle socket, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectCore(SafeSocketHandle socket, void* address, uint length);
}
