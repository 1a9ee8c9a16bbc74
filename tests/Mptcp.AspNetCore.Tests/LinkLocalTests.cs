using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Link-local addresses, which are addresses only together with their interface. The kernel loses it of MPTCP sockets.</summary>
public sealed class LinkLocalTests
{
    private const string Address = "fe80::a";

    public LinkLocalTests()
    {
        Requires.Namespaces();
        Requires.IPv6();
    }

    [Theory]
    [InlineData(true, true, "active")]
    [InlineData(true, false, "not-negotiated")]
    [InlineData(false, true, "active")]
    [InlineData(false, false, "not-negotiated")]
    public async Task Listen_LinkLocalAddress_EveryAddressHasItsScope(bool ours, bool mptcp, string status)
    {
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ConfigureAsync(["link add wan type veth peer name far", "link set wan up", "link set far up"]);
        await host.ConfigureAsync([$"addr add {Address}/64 dev wan nodad"], ipv6: true);
        var scope = await IndexOfAsync(host, "wan");

        // Ours: UseMptcp opens the socket, on the thread that starts the application. Otherwise the application does.
        var url = $"http://[{Address}%{scope}]:0";
        await using var server = ours
            ? host.Run(() => StartAsync(url, openSocket: null).GetAwaiter().GetResult())
            : await StartAsync(url, endPoint => host.Run(() => Open(endPoint)));
        var expected = $"[{Address}%{scope}]:{server.Address.Port}";
        Assert.NotEqual(0, server.Address.Port);
        Assert.Equal($"http://{expected}", server.Urls.Single());
        Assert.Equal(expected, server.Services.GetRequiredService<BoundListeners>().Open.Single().EndPoint.ToString());

        // The address that the server reports is one that clients can use.
        using var client = new HttpClient(Client.CreateHandler((endPoint, cancellationToken) => Connect(host, endPoint, mptcp)));
        var answer = (await client.GetStringAsync(new Uri(new Uri(server.Urls.Single()), "/addresses"))).Split(' ');
        Assert.Equal((status, expected), (answer[0], answer[1]));
        Assert.Matches($@"^\[{Address}%{scope}\]:\d+$", answer[2]);
        Assert.Equal($"{Address}%{scope}", answer[3]);

        var listed = server.Services.GetRequiredService<IMptcpConnections>().GetSnapshot().Single();
        Assert.Equal((answer[1], answer[2]), ($"{listed.LocalEndPoint}", $"{listed.RemoteEndPoint}"));
    }

    private static async Task<int> IndexOfAsync(NetworkNamespace host, string link) =>
        int.Parse((await host.ExecuteAsync("ip", "-o", "link", "show", link)).Split(':')[0], CultureInfo.InvariantCulture);

    private static Socket Open(EndPoint endPoint)
    {
        var socket = MptcpSocket.Create(endPoint.AddressFamily);
        socket.Bind(endPoint);
        return socket;
    }

    private static async ValueTask<Socket> Connect(NetworkNamespace host, EndPoint endPoint, bool mptcp)
    {
        var socket = host.Run(() => mptcp ? MptcpSocket.Create(endPoint.AddressFamily) : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await socket.ConnectAsync(endPoint);
        return socket;
    }

    private static Task<Server> StartAsync(string url, Func<EndPoint, Socket>? openSocket) => Server.StartAsync(
        builder =>
        {
            builder.WebHost.UseUrls(url);
            builder.WebHost.UseMptcp();
            if (openSocket is not null)
            {
                builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = openSocket);
            }
        },
        app => app.MapGet("/addresses", (HttpContext context) =>
        {
            var listed = context.RequestServices.GetRequiredService<IMptcpConnections>().GetSnapshot().Single(c => c.Id == context.Connection.Id);
            var (local, remote) = (context.Connection.LocalIpAddress, context.Connection.RemoteIpAddress);
            return $"{listed.Mptcp.Status.ToToken()} {new IPEndPoint(local!, context.Connection.LocalPort)} {new IPEndPoint(remote!, context.Connection.RemotePort)} {remote}";
        }));
}
