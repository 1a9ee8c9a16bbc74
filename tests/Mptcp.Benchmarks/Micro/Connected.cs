using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Micro;

/// <summary>A connection of which one end has the status that is asked for.</summary>
internal sealed class Connected : IDisposable
{
    private readonly Socket _listener;
    private readonly Socket _peer;

    public Connected(MptcpStatus status)
    {
        _listener = Open(mptcp: status != MptcpStatus.FellBack);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        var client = Open(mptcp: status != MptcpStatus.NotNegotiated);
        client.Connect(_listener.LocalEndPoint!);
        var accepted = _listener.Accept();

        // Only a dialled connection falls back at once.
        (Socket, _peer) = status == MptcpStatus.FellBack ? (client, accepted) : (accepted, client);
        Descriptor = (int)Socket.Handle;
        if (MptcpSocket.GetStatus(Socket) != status)
        {
            throw new InvalidOperationException($"The connection is {MptcpSocket.GetStatus(Socket)}.");
        }
    }

    public Socket Socket { get; }

    public int Descriptor { get; }

    public void Dispose()
    {
        Socket.Dispose();
        _peer.Dispose();
        _listener.Dispose();
    }

    private static Socket Open(bool mptcp) => mptcp
        ? MptcpSocket.Create(AddressFamily.InterNetwork)
        : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
}
