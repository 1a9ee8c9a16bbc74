using System.Runtime.InteropServices;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets;

/// <summary>One answer of the kernel about a connection, all of the same moment.</summary>
public readonly struct MptcpReading
{
    private readonly NativeMptcpInfo _info;
    private readonly int _infoLength;
    private readonly int _errno;

    internal MptcpReading(MptcpStatus status, in NativeMptcpInfo info, int infoLength, int errno)
    {
        Status = status;
        _errno = errno;
        if (status == MptcpStatus.Active && infoLength > 0)
        {
            _info = info;
            _infoLength = infoLength;
        }
    }

    internal MptcpReading(MptcpStatus status) => Status = status;

    /// <summary>Which protocol the connection speaks, and why.</summary>
    public MptcpStatus Status { get; }

    /// <summary>
    /// The figures that came with the answer, or null: the connection is not <see cref="MptcpStatus.Active"/>, or the kernel
    /// has none to give (before Linux 5.16).
    /// </summary>
    public MptcpInfo? Info => _infoLength > 0 ? new MptcpInfo(_info, _infoLength) : null;

    /// <summary>
    /// The errno that left the status <see cref="MptcpStatus.Unknown"/>, or 0: EBADF for a socket that this process closed, EBADMSG
    /// where the kernel's answer was too short to be one. <see cref="Error"/> says it in words.
    /// </summary>
    public int Errno => IsClosed ? Interop.Errno.EBADF : _errno;

    /// <summary>Whether this process had closed the socket.</summary>
    internal bool IsClosed => _errno == StatusLadder.SocketClosed;

    /// <summary>The system's text for <see cref="Errno"/> (<c>strerror</c>), or null when there was none.</summary>
    public string? Error => Errno == 0 ? null : Marshal.GetPInvokeErrorMessage(Errno);
}
