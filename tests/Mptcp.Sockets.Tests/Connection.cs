using System.Net;
using System.Net.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>A listener, a client that connected to it, and what the listener accepted.</summary>
internal sealed class Connection : IDisposable
{
    private Connection(Socket listener, Socket client, Socket accepted)
    {
        Listener = listener;
        Client = client;
        Accepted = accepted;
    }

    public Socket Listener { get; }

    public Socket Client { get; }

    public Socket Accepted { get; }

    public static Socket Open(AddressFamily family, bool mptcp) =>
        mptcp ? MptcpSocket.Create(family) : new Socket(family, SocketType.Stream, ProtocolType.Tcp);

    public static Socket Listen(IPAddress address, bool mptcp)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            Requires.IPv6();
        }

        var listener = Open(address.AddressFamily, mptcp);
        if (address.Equals(IPAddress.IPv6Any))
        {
            listener.DualMode = true;
        }

        listener.Bind(new IPEndPoint(address, 0));
        listener.Listen(512);
        return listener;
    }

    /// <summary>From one host to the other.</summary>
    public static Connection Establish(MultipathNetwork hosts) => Establish(hosts, hosts.ServerAddress, hosts.ServerAddress);

    /// <summary>From one host to the other.</summary>
    public static Connection Establish(MultipathNetwork hosts, IPAddress listenOn, IPAddress connectTo)
    {
        var listener = hosts.Server.Run(() => Listen(listenOn, mptcp: true));
        var client = hosts.Client.Run(() => Open(listenOn.AddressFamily, mptcp: true));
        if (listenOn.AddressFamily == AddressFamily.InterNetworkV6)
        {
            client.DualMode = true;
        }

        client.Connect(new IPEndPoint(connectTo, ((IPEndPoint)listener.LocalEndPoint!).Port));
        return new Connection(listener, client, listener.Accept());
    }

    /// <param name="listenOn">The address the listener binds; [::] takes IPv4 too.</param>
    /// <param name="connectTo">The address the client connects to.</param>
    /// <param name="listenerMptcp">Whether the listener is MPTCP.</param>
    /// <param name="clientMptcp">Whether the client is.</param>
    public static Connection Establish(IPAddress listenOn, IPAddress connectTo, bool listenerMptcp = true, bool clientMptcp = true)
    {
        var listener = Listen(listenOn, listenerMptcp);
        var client = Open(connectTo.AddressFamily, clientMptcp);
        client.Connect(new IPEndPoint(connectTo, ((IPEndPoint)listener.LocalEndPoint!).Port));
        return new Connection(listener, client, listener.Accept());
    }

    public static Connection Establish(bool listenerMptcp = true, bool clientMptcp = true) =>
        Establish(IPAddress.Loopback, IPAddress.Loopback, listenerMptcp, clientMptcp);

    /// <summary>Sends the bytes from one end to the other and compares them.</summary>
    public static void AssertCarries(Socket from, Socket to, ReadOnlySpan<byte> bytes)
    {
        var received = new byte[bytes.Length];
        var receiving = Task.Run(() =>
        {
            for (var count = 0; count < received.Length;)
            {
                var n = to.Receive(received.AsSpan(count));
                Assert.NotEqual(0, n);
                count += n;
            }
        });
        for (var rest = bytes; rest.Length > 0;)
        {
            rest = rest[from.Send(rest)..];
        }

        receiving.GetAwaiter().GetResult();
        Assert.Equal(
            System.Security.Cryptography.SHA256.HashData(bytes), System.Security.Cryptography.SHA256.HashData(received));
    }

    /// <summary>Bytes there and back.</summary>
    public void AssertEchoes(int count = 100_000)
    {
        var bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(count);
        AssertCarries(Client, Accepted, bytes);
        AssertCarries(Accepted, Client, bytes);
    }

    /// <summary>Has the options removed from here on, and carries data.</summary>
    /// <returns>What was said where it ended instead of falling back; otherwise null.</returns>
    public async Task<string?> FallBackAsync(MultipathNetwork network)
    {
        await network.StripMptcpOptionsAsync();
        try
        {
            AssertEchoes(1000);
            return null;
        }
        catch (SocketException e)
        {
            return $"{e}";
        }
    }

    public void Dispose()
    {
        Accepted.Dispose();
        Client.Dispose();
        Listener.Dispose();
    }
}
