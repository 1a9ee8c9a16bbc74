using System.Net.Sockets;

namespace Mptcp.Sockets.Interop;

/// <summary>The descriptor of a socket that another thread may close at any time, for system calls that only read.</summary>
/// <remarks>
/// <para>
/// It takes no reference on the handle. While another thread holds one, <see cref="Socket.Dispose()"/> disconnects the socket to wake
/// that thread, and the peer gets a reset in place of the last bytes (dotnet/runtime, <c>SafeSocketHandle.CloseAsIs</c>).
/// </para>
/// <para>
/// Without a reference the number can come to mean another socket. A handle is marked closed before its descriptor is closed, so a
/// handle that is still open after the calls was open during all of them. Otherwise the answers may be of another socket: discard them.
/// </para>
/// </remarks>
internal readonly ref struct SharedDescriptor(SafeSocketHandle handle)
{
    /// <summary>The number, for calls that change nothing; -1 when the socket is closed already.</summary>
    public int Value { get; } = handle.IsClosed ? -1 : (int)handle.DangerousGetHandle();

    /// <summary>Whether the number meant this socket until now. Ask after the calls, before their answers are used.</summary>
    public bool IsOpen
    {
        get
        {
            // The calls come first, on every processor.
            Interlocked.MemoryBarrier();
            return !handle.IsClosed;
        }
    }
}
