using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets;

/// <summary>Opens Multipath TCP sockets, and asks the kernel about the connections of any socket.</summary>
/// <remarks>
/// <para>
/// <c>new Socket(family, SocketType.Stream, (ProtocolType)262)</c> is refused by .NET itself. A socket of this class is opened
/// by the kernel as IPPROTO_MPTCP and is an ordinary <see cref="Socket"/> from then on; its <see cref="Socket.ProtocolType"/>
/// reads <see cref="ProtocolType.Unknown"/>, for .NET has no name for the protocol.
/// </para>
/// <para>
/// Connect it to one address only: after a refused address .NET replaces the handle by one that is not MPTCP, so open a fresh
/// socket for each address of a name.
/// </para>
/// </remarks>
public static class MptcpSocket
{
    /// <summary>Opens an MPTCP stream socket.</summary>
    /// <param name="addressFamily">
    /// <see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>. An IPv4 connection can gain IPv4
    /// subflows only, a dual-stack one both kinds.
    /// </param>
    /// <returns>
    /// An unbound socket as .NET would have made it for TCP: closed on exec, SO_REUSEADDR set, and
    /// <see cref="Socket.DualMode"/> off.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The address family is not one of the two.</exception>
    /// <exception cref="PlatformNotSupportedException">This host can't do MPTCP; the message says why and what to do.</exception>
    /// <exception cref="SocketException">
    /// No socket of any protocol can be opened: no descriptors or memory left, or no IPv6 on this host.
    /// </exception>
    public static Socket Create(AddressFamily addressFamily) =>
        TryCreate(addressFamily, out var socket, out var support)
            ? socket
            : throw new PlatformNotSupportedException(support.ToString());

    /// <summary>Opens an MPTCP stream socket where this host can.</summary>
    /// <param name="addressFamily">As for <see cref="Create"/>.</param>
    /// <param name="socket">The socket, or null when this host can't do MPTCP.</param>
    /// <param name="support">The reason and the remedy when it can't.</param>
    /// <returns>Whether there is a socket. Only false is a reason to use TCP instead.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The address family is not one of the two.</exception>
    /// <exception cref="SocketException">As for <see cref="Create"/>.</exception>
    public static bool TryCreate(AddressFamily addressFamily, [NotNullWhen(true)] out Socket? socket, out MptcpSupport support)
    {
        support = MptcpSupport.Open(addressFamily, out var handle);
        if (handle is null)
        {
            socket = null;
            return false;
        }

        try
        {
            socket = new Socket(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }

        try
        {
            // What .NET does by itself for ProtocolType.Tcp only. SocketOptionName.ReuseAddress would set SO_REUSEPORT too, and
            // let two processes bind one port.
            socket.SetRawSocketOption(LinuxConstants.SOL_SOCKET, LinuxConstants.SO_REUSEADDR, [1, 0, 0, 0]);
            if (addressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            return true;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Makes a fresh TCP socket an MPTCP one where this host can; otherwise leaves it as it is.</summary>
    /// <param name="socket">A TCP socket that was just made: not bound, not connected, no option set (it would be lost).</param>
    /// <param name="support">The reason and the remedy when this host can't.</param>
    /// <returns>Whether it is MPTCP now.</returns>
    /// <remarks>
    /// .NET goes on to treat the socket, and what it accepts, as the TCP sockets that they are to an application: it receives with
    /// <c>recv</c> and not with the dearer <c>recvmsg</c>. But that they were to be MPTCP is recorded nowhere then:
    /// <see cref="GetStatus"/> says <see cref="MptcpStatus.Unavailable"/> of an accepted connection whose client speaks TCP, where it says
    /// <see cref="MptcpStatus.NotNegotiated"/> of one that a socket of <see cref="Create"/> accepted.
    /// <see cref="MptcpConnection(Socket, bool)"/> is told.
    /// </remarks>
    /// <exception cref="InvalidOperationException">
    /// The socket is no TCP socket, or it is in use: bound, connected, connecting, has tried to connect, or is non-blocking, as
    /// <see cref="Socket.Blocking"/> and asynchronous operations make it. .NET would not know that the new socket is not.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The socket is disposed.</exception>
    /// <exception cref="SocketException">As for <see cref="Create"/>.</exception>
    public static bool TryConvert(Socket socket, out MptcpSupport support)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.ProtocolType != ProtocolType.Tcp || socket.IsBound || socket.Connected || !socket.Blocking || IsInUse(socket))
        {
            throw new InvalidOperationException(
                "Only a fresh TCP socket can become a Multipath TCP one: blocking, not bound, not connected, and without a connect that is under way or failed.");
        }

        support = MptcpSupport.Convert(socket);
        if (support.IsSupported && socket.AddressFamily == AddressFamily.InterNetworkV6)
        {
            // As .NET sets it on every new socket, and the kernel does not.
            socket.DualMode = false;
        }

        return support.IsSupported;
    }

    /// <summary>
    /// Asks the kernel which protocol a connection speaks. At most two system calls, and three for the answer
    /// <see cref="MptcpStatus.FellBack"/>; allocates nothing.
    /// </summary>
    /// <param name="socket">Any socket: accepted or connecting, open or closed, of any protocol.</param>
    /// <returns>
    /// The status; <see cref="MptcpStatus.Unknown"/> for a socket that is closed, and for an MPTCP socket that is not connected. A
    /// TCP socket is <see cref="MptcpStatus.Unavailable"/> from the moment it is bound. Other systems than Linux have no MPTCP:
    /// <see cref="MptcpStatus.Unavailable"/>.
    /// </returns>
    /// <remarks>
    /// <para>
    /// <see cref="MptcpStatus.NotNegotiated"/> and <see cref="MptcpStatus.Unavailable"/> are told apart by what .NET recorded
    /// when the socket or its listener was opened. A descriptor that was accepted elsewhere and wrapped in a
    /// <see cref="Socket"/> afterwards has no such record: plain TCP is then <see cref="MptcpStatus.Unavailable"/>.
    /// </para>
    /// <para>
    /// Source: <c>include/uapi/linux/mptcp.h</c> and <c>net/mptcp/sockopt.c</c>. On kernels before 5.16 a connection of which
    /// .NET says that it is not <see cref="Socket.Connected"/>, such as a half-closed one, is <see cref="MptcpStatus.Unknown"/>.
    /// </para>
    /// </remarks>
    public static MptcpStatus GetStatus(Socket socket) => Ask(socket, IsOpenedAsTcp(socket), out _, out _, out _);

    /// <summary>Reads the connection's figures (Linux 5.16).</summary>
    /// <param name="socket">Any socket.</param>
    /// <param name="info">The figures, when there are any.</param>
    /// <returns>
    /// Whether the connection is <see cref="MptcpStatus.Active"/> and the kernel gave its figures. After the connection is
    /// closed by the peer, and until the socket is, they are its last ones.
    /// </returns>
    public static bool TryGetInfo(Socket socket, out MptcpInfo info)
    {
        var isActive = Ask(socket, IsOpenedAsTcp(socket), out var native, out var length, out _) == MptcpStatus.Active && length > 0;
        info = isActive ? new MptcpInfo(native, length) : default;
        return isActive;
    }

    /// <summary>
    /// <see cref="GetStatus"/> and <see cref="TryGetInfo"/> with the same system calls, and the errno of an answer that nothing
    /// explains.
    /// </summary>
    /// <param name="socket">Any socket.</param>
    /// <returns>Status, figures and errno of one moment.</returns>
    public static MptcpReading Read(Socket socket) => Read(socket, IsOpenedAsTcp(socket));

    internal static MptcpReading Read(Socket socket, bool openedAsTcp, bool isMptcpSocket = false)
    {
        var status = Ask(socket, openedAsTcp, out var native, out var length, out var errno, isMptcpSocket);
        return new MptcpReading(status, native, length, errno);
    }

    /// <summary>Reads the subflows of a connection (Linux 5.16), with their figures.</summary>
    /// <param name="socket">Any socket.</param>
    /// <returns>
    /// The subflows; none, with the reason, when the connection is not <see cref="MptcpStatus.Active"/> or the kernel can't tell.
    /// Since Linux 6.5 all figures are of one moment; before it the connection's own are of a moment earlier.
    /// </returns>
    public static MptcpSubflowList GetSubflows(Socket socket) => GetSubflows(socket, IsOpenedAsTcp(socket));

    internal static MptcpSubflowList GetSubflows(Socket socket, bool openedAsTcp)
    {
        if (OperatingSystem.IsLinux() && socket.IsBound)
        {
            var descriptor = new SharedDescriptor(socket.SafeHandle);
            var subflows = SubflowReader.Read(socket, descriptor.Value, openedAsTcp);
            if (descriptor.IsOpen)
            {
                return subflows;
            }
        }

        var connection = Read(socket, openedAsTcp);
        return new MptcpSubflowList(connection, [], connection.Status.Explain());
    }

    /// <summary>What .NET recorded when the socket or its listener was opened: it has no name for the protocol of MPTCP ones.</summary>
    internal static bool IsOpenedAsTcp(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return socket.ProtocolType != ProtocolType.Unknown;
    }

    /// <summary>Whether the kernel made the socket for MPTCP; <c>null</c> when it can't be asked, or is neither TCP nor MPTCP.</summary>
    internal static bool? IsMptcp(Socket socket)
    {
        var descriptor = new SharedDescriptor(socket.SafeHandle);
        var errno = LibC.GetSocketOption(descriptor.Value, LinuxConstants.SOL_SOCKET, LinuxConstants.SO_PROTOCOL, out var protocol);
        return errno != 0 || !descriptor.IsOpen ? null
            : protocol switch
            {
                LinuxConstants.IPPROTO_MPTCP => true,
                LinuxConstants.IPPROTO_TCP => false,
                _ => null,
            };
    }

    /// <summary>
    /// Whether the kernel sees what .NET does not show: an asynchronous operation, now or before, which leaves the socket non-blocking
    /// and known to .NET's event loop, or a connect that is under way or failed.
    /// </summary>
    private static unsafe bool IsInUse(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        var descriptor = new SharedDescriptor(socket.SafeHandle);
        NativeTcpInfo tcp = default;
        var length = sizeof(NativeTcpInfo);

        // The kernel computes the maximum segment size from the route when a connect begins, and keeps it after a refusal.
        return (LibC.GetFileFlags(descriptor.Value) & LinuxConstants.O_NONBLOCK) != 0
            || (LibC.GetSocketOption(descriptor.Value, LinuxConstants.SOL_TCP, LinuxConstants.TCP_INFO, &tcp, ref length) == 0
                && tcp is not { tcpi_state: NativeTcpInfo.Closed, tcpi_advmss: 0 });
    }

    private static MptcpStatus Ask(
        Socket socket, bool openedAsTcp, out NativeMptcpInfo info, out int infoLength, out int errno, bool isMptcpSocket = false)
    {
        Unsafe.SkipInit(out info);
        infoLength = 0;
        errno = 0;

        if (!OperatingSystem.IsLinux())
        {
            return MptcpStatus.Unavailable;
        }

        // Nothing can be known of it, and to take the handle of a TCP socket before it connects has a side effect: .NET then
        // refuses to connect it to a name with several addresses.
        if (!socket.IsBound)
        {
            return MptcpStatus.Unknown;
        }

        return StatusLadder.Ask(
            socket.SafeHandle, openedAsTcp, socket.Connected, out info, out infoLength, out errno, isMptcpSocket);
    }
}
