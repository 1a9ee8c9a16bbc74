using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Mptcp.Sockets;
using Mptcp.Sockets.Interop;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Opens the socket of one endpoint, to listen. What must keep an endpoint from starting is thrown as <see cref="IOException"/>:
/// Kestrel passes it on as it is, and takes other exceptions for a reason to try another address.
/// </summary>
internal sealed class ListenSocket
{
    public const string OpenedElsewhere = "The listening socket that the application or its supervisor opened is plain TCP.";
    public const string OpenItAsMptcp = "Open it with MptcpSocket.Create, or with SocketProtocol=mptcp in its systemd socket unit.";

    private ListenSocket(Socket socket, EndPoint asked, MptcpSupport? unavailable)
    {
        Socket = socket;
        Unavailable = unavailable;
        IsMptcp = IsIP && OperatingSystem.IsLinux() && IsMptcpSocket(socket);
        EndPoint = new LinkScope(asked).AddTo(socket.LocalEndPoint!);
    }

    /// <summary>The address and port that it is bound to, with the scope that was asked for.</summary>
    public EndPoint EndPoint { get; }

    public Socket Socket { get; }

    /// <summary>Why the socket is TCP where MPTCP was preferred; null when it is not so.</summary>
    public MptcpSupport? Unavailable { get; }

    public bool IsIP => Socket.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6;

    /// <summary>As the kernel says: who opened it may have opened what he liked.</summary>
    public bool IsMptcp { get; }

    /// <summary>What was set; null for the kernel's default.</summary>
    public string? CongestionControl { get; private set; }

    /// <param name="endPoint">The address, file handle or unix socket.</param>
    /// <param name="settings">The endpoint's settings.</param>
    /// <param name="congestionControl">The congestion control to set, or null.</param>
    /// <param name="createBoundListenSocket">The application's own way to open it, or Kestrel's.</param>
    /// <param name="backlog">How many connections wait to be accepted at most.</param>
    /// <exception cref="AddressInUseException">Somebody else listens there; Kestrel knows what to say of it.</exception>
    public static ListenSocket Open(
        EndPoint endPoint, (MptcpMode Mode, MptcpFallback Fallback) settings, string? congestionControl,
        Func<EndPoint, Socket> createBoundListenSocket, int backlog)
    {
        try
        {
            return Open(endPoint, settings, congestionControl, createBoundListenSocket).Listen(backlog);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(e.Message, e);
        }
    }

    private static ListenSocket Open(
        EndPoint endPoint, (MptcpMode Mode, MptcpFallback Fallback) settings, string? congestionControl,
        Func<EndPoint, Socket> createBoundListenSocket)
    {
        MptcpSupport? unavailable = null;
        Socket socket;
        if (settings.Mode == MptcpMode.Disabled)
        {
            // As though we were not here.
            return new ListenSocket(createBoundListenSocket(endPoint), endPoint, unavailable: null);
        }

        if (endPoint is not IPEndPoint ip || createBoundListenSocket != SocketTransportOptions.CreateDefaultBoundListenSocket)
        {
            // Inherited, a unix socket, or the application's own: Kestrel or the application opens it.
            socket = createBoundListenSocket(endPoint);
        }
        else if (OpenMptcp(ip.AddressFamily, out unavailable) is { } mptcp)
        {
            socket = Bind(mptcp, ip);
        }
        else if (EndpointResolver.DemandsMptcp(settings.Mode, settings.Fallback))
        {
            throw CannotStart(endPoint, settings, unavailable!.ToString());
        }
        else
        {
            socket = createBoundListenSocket(endPoint);
        }

        try
        {
            var listen = new ListenSocket(socket, endPoint, unavailable);
            if (listen.IsIP && !listen.IsMptcp && EndpointResolver.DemandsMptcp(settings.Mode, settings.Fallback))
            {
                throw CannotStart(endPoint, settings, $"{OpenedElsewhere} {OpenItAsMptcp}");
            }

            if (listen.IsIP && congestionControl is not null && OperatingSystem.IsLinux())
            {
                SetCongestionControl(socket, endPoint, congestionControl);
                listen.CongestionControl = congestionControl;
            }

            return listen;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether the kernel made it for MPTCP, whatever the connection speaks by now.</summary>
    private static bool IsMptcpSocket(Socket socket)
    {
        Span<byte> protocol = stackalloc byte[sizeof(int)];
        socket.GetRawSocketOption(LinuxConstants.SOL_SOCKET, LinuxConstants.SO_PROTOCOL, protocol);
        return BitConverter.ToInt32(protocol) == LinuxConstants.IPPROTO_MPTCP;
    }

    private static Socket? OpenMptcp(AddressFamily addressFamily, out MptcpSupport? unavailable)
    {
        // To .NET it is a TCP socket: what it accepts is received from with recv, as at Kestrel's own, and not with recvmsg (measured: 1.08
        // times the processor time of a request).
        var socket = new Socket(addressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (MptcpSocket.TryConvert(socket, out var support))
            {
                unavailable = null;
                return socket;
            }

            unavailable = support;
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        socket.Dispose();
        return null;
    }

    private ListenSocket Listen(int backlog)
    {
        try
        {
            Socket.Listen(backlog);
            return this;
        }
        catch
        {
            Socket.Dispose();
            throw;
        }
    }

    private static IOException CannotStart(EndPoint endPoint, (MptcpMode Mode, MptcpFallback Fallback) settings, string reason)
    {
        var demand = settings.Mode == MptcpMode.Required
            ? $"Multipath TCP is required ({nameof(MptcpTransportOptions.Mode)} is {nameof(MptcpMode.Required)})"
            : $"everybody would be rejected ({nameof(MptcpTransportOptions.Fallback)} is {nameof(MptcpFallback.Reject)})";
        return new IOException($"Failed to listen on {endPoint}: {demand}. {reason}");
    }

    private static Socket Bind(Socket socket, IPEndPoint endPoint)
    {
        try
        {
            // As Kestrel does: only [::] takes IPv4 connections too.
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The options were validated: this fails only where the host changed since, or the endpoint is in another network namespace.</summary>
    private static void SetCongestionControl(Socket socket, EndPoint endPoint, string name)
    {
        try
        {
            Transport.CongestionControl.Set(socket, name);
        }
        catch (SocketException e)
        {
            throw new IOException(
                $"Failed to listen on {endPoint}: the congestion control \"{name}\" can't be set. {Transport.CongestionControl.DescribeKernel()}.", e);
        }
    }
}
