using System.Net.Sockets;

namespace Mptcp.Sockets.Interop;

/// <summary>
/// A reference on a socket's handle for the time of some system calls, as the marshaller would take one for each of them: while it is
/// held the descriptor stays open, and its number can't come to mean another connection.
/// </summary>
internal readonly ref struct HeldDescriptor
{
    private readonly SafeSocketHandle? _handle;

    public HeldDescriptor(SafeSocketHandle handle)
    {
        if (handle.IsClosed)
        {
            return;
        }

        try
        {
            var isHeld = false;
            handle.DangerousAddRef(ref isHeld);
            _handle = handle;
        }
        catch (ObjectDisposedException)
        {
            // Another thread closed it since the check above: the same as if it had been closed then.
        }
    }

    /// <summary>False when the socket is closed; then there is no descriptor.</summary>
    public bool IsOpen => _handle is not null;

    public int Value => (int)_handle!.DangerousGetHandle();

    public void Dispose() => _handle?.DangerousRelease();
}
