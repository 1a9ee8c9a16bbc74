using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Mptcp.TestNetwork.Wires;

/// <summary>A network device whose packets are read and written here; it is gone when disposed (<c>linux/if_tun.h</c>).</summary>
internal sealed unsafe partial class TunDevice : IDisposable
{
    private const int O_RDWR = 2;
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const uint TUNSETIFF = 0x400454ca;
    private const short IFF_TUN = 1;
    private const short IFF_NO_PI = 0x1000;

    private TunDevice(SafeFileHandle handle) => Handle = handle;

    public SafeFileHandle Handle { get; }

    /// <summary>The device belongs to the namespace of the thread that opens it.</summary>
    public static TunDevice Open(NetworkNamespace host, string name) => host.Run(() =>
    {
        var handle = OpenFile("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (handle.IsInvalid)
        {
            throw Failure("/dev/net/tun");
        }

        // struct ifreq: the name in 16 bytes, then the flags.
        Span<byte> request = stackalloc byte[40];
        request.Clear();
        Encoding.ASCII.GetBytes(name, request[..15]);
        BitConverter.TryWriteBytes(request[16..], (short)(IFF_TUN | IFF_NO_PI));
        fixed (byte* pointer = request)
        {
            if (IoCtl(handle, TUNSETIFF, pointer) != 0)
            {
                var failure = Failure("TUNSETIFF");
                handle.Dispose();
                throw failure;
            }
        }

        return new TunDevice(handle);
    });

    /// <summary>False when there is no packet now.</summary>
    public bool TryRead(Span<byte> buffer, out int length)
    {
        fixed (byte* pointer = buffer)
        {
            length = (int)ReadFile(Handle, pointer, buffer.Length);
        }

        return length > 0;
    }

    /// <summary>A packet that the device doesn't take, because it is down, is lost as on any cable.</summary>
    public void Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* pointer = packet)
        {
            _ = WriteFile(Handle, pointer, packet.Length);
        }
    }

    public void Dispose() => Handle.Dispose();

    private static InvalidOperationException Failure(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoCtl(SafeHandle descriptor, nuint request, byte* argument);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint ReadFile(SafeHandle descriptor, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteFile(SafeHandle descriptor, byte* buffer, nint length);
}
