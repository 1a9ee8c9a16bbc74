using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>How an address takes the attempts to connect to it.</summary>
internal enum Manner
{
    Mptcp,
    Tcp,
    Refuses,

    /// <summary>Answers nothing, as an address that packets don't reach.</summary>
    Silent,
}

/// <summary>Several addresses of loopback devices with one port in common, as those of a name have; each takes connections in its own manner.</summary>
internal sealed class Destination : IDisposable
{
    private readonly List<Socket> _sockets = [];
    private readonly Dictionary<IPAddress, Socket> _listeners = [];

    private Destination(IPAddress[] addresses) => Addresses = addresses;

    /// <summary>In the order given.</summary>
    public IPAddress[] Addresses { get; }

    public int Port { get; private set; }

    public IPEndPoint[] EndPoints => [.. Addresses.Select(address => new IPEndPoint(address, Port))];

    public static Destination Open(params (string Address, Manner Manner)[] addresses)
    {
        for (var tries = 0; ; tries++)
        {
            var destination = new Destination([.. addresses.Select(address => IPAddress.Parse(address.Address))]);
            try
            {
                foreach (var (address, manner) in addresses)
                {
                    destination.Add(IPAddress.Parse(address), manner);
                }

                return destination;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && tries < 100)
            {
                // The first address's port is somebody's on another one.
                destination.Dispose();
            }
            catch
            {
                destination.Dispose();
                throw;
            }
        }
    }

    /// <summary>What a resolver would say of a name with these addresses.</summary>
    public Task<IPAddress[]> ResolveAsync(string host, AddressFamily family, CancellationToken cancellationToken) => Task.FromResult(Addresses);

    /// <summary>The next connection to that address.</summary>
    public async Task<Socket> AcceptAsync(string address)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        return await AcceptAsync(address, limit.Token);
    }

    public ValueTask<Socket> AcceptAsync(string address, CancellationToken cancellationToken) =>
        _listeners[IPAddress.Parse(address)].AcceptAsync(cancellationToken);

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    private void Add(IPAddress address, Manner manner)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            Requires.IPv6();
        }

        var listener = Keep(Connection.Open(address.AddressFamily, manner == Manner.Mptcp));
        listener.Bind(new IPEndPoint(address, Port));
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        if (manner == Manner.Refuses)
        {
            // Bound and not listening: nobody else can take the port.
            return;
        }

        _listeners.Add(address, listener);
        listener.Listen(manner == Manner.Silent ? 0 : 512);
        if (manner == Manner.Silent)
        {
            // One connection waits to be accepted, and nobody will: the kernel drops whoever else knocks.
            Keep(Connection.Open(address.AddressFamily, mptcp: false)).Connect(listener.LocalEndPoint!);
        }
    }

    private Socket Keep(Socket socket)
    {
        _sockets.Add(socket);
        return socket;
    }
}
