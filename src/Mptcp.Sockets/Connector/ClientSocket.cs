using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>The fresh socket of one attempt to connect.</summary>
internal sealed class ClientSocket
{
    private ClientSocket(Socket socket, MptcpSupport? unavailable)
    {
        Socket = socket;
        Connection = new ClientConnection(socket);
        Unavailable = unavailable;
    }

    public Socket Socket { get; }

    /// <summary>The live connection.</summary>
    public ClientConnection Connection { get; }

    /// <summary>Why it is TCP where MPTCP was preferred; otherwise null.</summary>
    public MptcpSupport? Unavailable { get; }

    /// <param name="addressFamily">That of the address to connect to.</param>
    /// <param name="options">The options.</param>
    public static ClientSocket Open(AddressFamily addressFamily, MptcpConnectOptions options)
    {
        var client = Open(addressFamily, options.Mode);
        try
        {
            if (options.Mode == MptcpMode.Required && client.Unavailable is { } support)
            {
                throw new PlatformNotSupportedException(support.ToString());
            }

            if (options.NoDelay)
            {
                SetNoDelay(client.Socket);
            }

            options.ConfigureSocket?.Invoke(client.Socket);
            return client;
        }
        catch
        {
            client.Socket.Dispose();
            throw;
        }
    }

    public ValueTask ConnectAsync(IPEndPoint endPoint, CancellationToken cancellationToken) => Socket.ConnectAsync(
        Socket.AddressFamily == endPoint.AddressFamily ? endPoint : new IPEndPoint(endPoint.Address.MapToIPv6(), endPoint.Port), cancellationToken);

    private static ClientSocket Open(AddressFamily addressFamily, MptcpMode mode)
    {
        if (addressFamily == AddressFamily.InterNetworkV6 || !Socket.OSSupportsIPv6)
        {
            return OpenExactly(addressFamily, mode);
        }

        // Dual-stack also for an IPv4 address: an IPv4 socket could never gain an IPv6 subflow.
        ClientSocket dual;
        try
        {
            dual = OpenExactly(AddressFamily.InterNetworkV6, mode);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressFamilyNotSupported)
        {
            // .NET remembers what the host supported when it was first asked.
            return OpenExactly(addressFamily, mode);
        }

        if (dual.Unavailable is null)
        {
            return dual;
        }

        // A kernel can have it for IPv4 only.
        dual.Socket.Dispose();
        return OpenExactly(addressFamily, mode);
    }

    private static ClientSocket OpenExactly(AddressFamily addressFamily, MptcpMode mode)
    {
        var socket = new Socket(addressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            var unavailable = mode == MptcpMode.Disabled ? null : MptcpSupport.Convert(socket);
            if (addressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = true;
            }

            return new ClientSocket(socket, unavailable is { IsSupported: false } ? unavailable : null);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void SetNoDelay(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
        }
        catch (SocketException)
        {
            // Kernels before 5.17 refuse it on MPTCP sockets. It costs the option, not the connection.
        }
    }
}
