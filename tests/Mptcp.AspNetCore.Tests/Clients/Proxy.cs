using System.Net;
using System.Net.Sockets;
using System.Text;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>A proxy: CONNECT, absolute addresses (one a connection) and SOCKS5. It reaches origins over TCP or Multipath TCP.</summary>
internal sealed class Proxy : IDisposable
{
    private readonly Socket _listener;
    private readonly bool _mptcpToOrigin;
    private int _connections;

    private Proxy(Socket listener, bool mptcpToOrigin)
    {
        _listener = listener;
        _mptcpToOrigin = mptcpToOrigin;
    }

    public int Connections => Volatile.Read(ref _connections);

    public static Proxy Start(bool mptcp, bool mptcpToOrigin)
    {
        var listener = mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(512);
        var proxy = new Proxy(listener, mptcpToOrigin);
        _ = proxy.AcceptAsync();
        return proxy;
    }

    public IWebProxy As(string scheme) => new WebProxy($"{scheme}://{_listener.LocalEndPoint}");

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(socket);
            }
        }
        catch (SocketException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var client = new NetworkStream(socket, ownsSocket: true);
        try
        {
            // SOCKS begins with its version, HTTP with a method.
            var first = new byte[1];
            await client.ReadExactlyAsync(first);
            var (origin, answer, forward) = first[0] == 5 ? await ReadSocksAsync(client) : await ReadHttpAsync(client, (char)first[0]);
            await using var server = new NetworkStream(await Client.ConnectAsync(origin, _mptcpToOrigin), ownsSocket: true);
            await client.WriteAsync(answer);
            await server.WriteAsync(forward);
            await Task.WhenAny(client.CopyToAsync(server), server.CopyToAsync(client));
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // One end closed, and so does the other.
        }
    }

    private static async Task<(IPEndPoint Origin, byte[] Answer, byte[] Forward)> ReadHttpAsync(NetworkStream client, char first)
    {
        var head = new StringBuilder().Append(first);
        var next = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await client.ReadExactlyAsync(next);
            head.Append((char)next[0]);
        }

        var (method, target) = (head.ToString().Split(' ')[0], head.ToString().Split(' ')[1]);
        if (method == "CONNECT")
        {
            return (IPEndPoint.Parse(target), "HTTP/1.1 200 Connected\r\n\r\n"u8.ToArray(), []);
        }

        var uri = new Uri(target);
        return (IPEndPoint.Parse(uri.Authority), [], Encoding.ASCII.GetBytes(head.Replace(target, uri.PathAndQuery, 0, method.Length + 1 + target.Length).ToString()));
    }

    private static async Task<(IPEndPoint Origin, byte[] Answer, byte[] Forward)> ReadSocksAsync(NetworkStream client)
    {
        var methods = new byte[1];
        await client.ReadExactlyAsync(methods);
        await client.ReadExactlyAsync(new byte[methods[0]]);
        await client.WriteAsync(new byte[] { 5, 0 });

        // Version, command, reserved, kind of address (1: IPv4), address, port.
        var request = new byte[10];
        await client.ReadExactlyAsync(request);
        Assert.Equal(1, request[3]);
        var origin = new IPEndPoint(new IPAddress(request.AsSpan(4, 4)), (request[8] << 8) | request[9]);
        return (origin, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0], []);
    }
}
