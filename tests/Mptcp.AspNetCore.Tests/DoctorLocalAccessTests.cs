using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Hosting;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Diagnostic endpoints in Development, without authorization: open to this machine only.</summary>
public sealed class DoctorLocalAccessTests
{
    private const string Path = "/mptcp/doctor";
    private const string Connections = "/mptcp/connections";

    public DoctorLocalAccessTests() => Requires.Mptcp();

    [Theory]
    [InlineData("localhost")]
    [InlineData("LocalHost:5000")]
    [InlineData("shop.localhost:5000")]
    [InlineData("127.0.0.1:5000")]
    [InlineData("127.8.9.1")]
    [InlineData("[::1]:5000")]
    public async Task Get_LoopbackHost_Open(string host)
    {
        await using var server = await StartAsync();
        Assert.Equal(HttpStatusCode.OK, await GetAsync(server, Path, ("Host", host)));
        Assert.Equal(HttpStatusCode.OK, await GetAsync(server, Connections, ("Host", host)));
    }

    /// <summary>A page of another site reaches a loopback address when its name is bound to that (DNS rebinding).</summary>
    [Theory]
    [InlineData("attacker.example")]
    [InlineData("localhost.attacker.example:5000")]
    [InlineData("127.0.0.1.attacker.example")]
    [InlineData("notlocalhost")]
    [InlineData("192.0.2.1")]
    [InlineData("[2001:db8::1]:5000")]
    public async Task Get_HostIsNotLoopback_NotFoundAndLoggedOnce(string host)
    {
        await using var server = await StartAsync();
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(HttpStatusCode.NotFound, await GetAsync(server, Path, ("Host", host)));
        }

        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "DiagnosticEndpointClosed");
        Assert.StartsWith($"{Path} is closed and answers 404: the host name of the request is not a loopback name.", line.Message);
        Assert.DoesNotContain(host, line.Message);
        Assert.Equal(HttpStatusCode.NotFound, await GetAsync(server, Connections, ("Host", host)));
    }

    [Theory]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("X-Forwarded-Host", "localhost")]
    [InlineData("Forwarded", "for=127.0.0.1")]
    [InlineData("Via", "1.1 proxy")]
    public async Task Get_ForwardedByAProxyOnThisMachine_NotFound(string header, string value)
    {
        await using var server = await StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, await GetAsync(server, Path, (header, value)));
        Assert.Contains(server.Log.Ours, line => line.Message.Contains("a proxy forwarded the request", StringComparison.Ordinal));
    }

    /// <summary>The middleware takes address and host from headers that any client can send, and removes these headers.</summary>
    [Theory]
    [InlineData(ForwardedHeaders.XForwardedFor)]
    [InlineData(ForwardedHeaders.XForwardedHost)]
    [InlineData(ForwardedHeaders.All)]
    public async Task Get_ForwardedHeadersMiddleware_OpensNothing(ForwardedHeaders forwarded)
    {
        await using var server = await StartAsync(app => app.UseForwardedHeaders(Trusting(forwarded)));
        Assert.Equal(
            HttpStatusCode.NotFound,
            await GetAsync(server, Path, ("Host", "attacker.example"), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "localhost")));
    }

    [Fact]
    public async Task Get_PeerOnAnotherHost_NotFoundWhateverItSends()
    {
        Requires.Namespaces();
        await using var network = await MultipathNetwork.CreateAsync(links: 1);
        await using var server = await StartAsync(
            app =>
            {
                app.UseForwardedHeaders(Trusting(ForwardedHeaders.All));
                app.Use((HttpContext context, RequestDelegate next) =>
                {
                    if (context.Request.Headers.ContainsKey("Pretend"))
                    {
                        context.Connection.RemoteIpAddress = IPAddress.Loopback;
                    }

                    return next(context);
                });
            },
            network.Server);
        var address = MultipathServer.AddressOf(server, network);
        using var client = new HttpClient(Client.CreateHandler((endPoint, cancellationToken) =>
            network.Client.Run(() => Client.ConnectAsync(endPoint, mptcp: false, cancellationToken))));
        // As middleware of the application may have it.
        Assert.Equal(HttpStatusCode.NotFound, await GetAsync(client, new Uri(address, Path), ("Host", "localhost"), ("Pretend", "loopback")));
        foreach (var headers in new (string, string)[][] { [("Host", "localhost")], [("Host", "localhost"), ("X-Forwarded-For", "127.0.0.1")] })
        {
            Assert.Equal(HttpStatusCode.NotFound, await GetAsync(client, new Uri(address, Path), headers));
            Assert.Equal(HttpStatusCode.NotFound, await GetAsync(client, new Uri(address, Connections), headers));
        }

        Assert.Contains(server.Log.Ours, line => line.Message.StartsWith($"{Path} is closed and answers 404: the peer is not on this machine.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Get_IPv4OnADualStackListener_Open()
    {
        Requires.IPv6();
        var port = Ports.Free(1)[0];
        await using var server = await StartAsync(configure: builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.IPv6Any, port)));
        using var client = new HttpClient(Client.CreateHandler(mptcp: false));
        Assert.Equal(HttpStatusCode.OK, await GetAsync(client, new Uri($"http://127.0.0.1:{port}{Path}")));
    }

    [Fact]
    public async Task Get_OverAUnixSocket_Open()
    {
        var path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"mptcp-doctor-access-{Environment.ProcessId}.sock");
        await using var server = await StartAsync(configure: builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(path)));
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        Assert.Equal(HttpStatusCode.OK, await GetAsync(client, new Uri($"http://localhost{Path}")));
        Assert.Equal(HttpStatusCode.NotFound, await GetAsync(client, new Uri($"http://attacker.example{Path}")));
    }

    /// <summary>As under TestServer, which has no addresses.</summary>
    [Fact]
    public async Task Get_AddressOfThePeerNotKnown_NotFound()
    {
        await using var server = await StartAsync(app => app.Use((HttpContext context, RequestDelegate next) =>
        {
            context.Connection.RemoteIpAddress = null;
            return next(context);
        }));
        Assert.Equal(HttpStatusCode.NotFound, await GetAsync(server, Path));
        Assert.Contains(server.Log.Ours, line => line.Message.Contains("the address of the peer is not known", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Get_AnonymousAllowed_OpenToEveryHost()
    {
        await using var server = await Server.StartAsync(map: app => app.MapMptcpDoctor(Path).AllowAnonymous());
        Assert.Equal(HttpStatusCode.OK, await GetAsync(server, Path, ("Host", "service.example"), ("X-Forwarded-For", "192.0.2.1")));
    }

    /// <summary>As <c>ASPNETCORE_FORWARDEDHEADERS_ENABLED</c> has it: every peer is trusted.</summary>
    private static ForwardedHeadersOptions Trusting(ForwardedHeaders forwarded)
    {
        var options = new ForwardedHeadersOptions { ForwardedHeaders = forwarded };
        options.KnownIPNetworks.Clear();
        options.KnownProxies.Clear();
        return options;
    }

    private static Task<Server> StartAsync(Action<WebApplication>? use = null, NetworkNamespace? host = null, Action<WebApplicationBuilder>? configure = null) => Server.StartAsync(
        builder =>
        {
            builder.Environment.EnvironmentName = Environments.Development;
            builder.WebHost.UseMptcp();
            configure?.Invoke(builder);
            if (host is not null)
            {
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, 0));
                builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => host.Run(() =>
                {
                    var socket = MptcpSocket.Create(endPoint.AddressFamily);
                    socket.Bind(endPoint);
                    return socket;
                }));
            }
        },
        app =>
        {
            use?.Invoke(app);
            app.MapMptcpDoctor(Path);
            app.MapMptcpConnections(Connections);
        });

    private static async Task<HttpStatusCode> GetAsync(Server server, string path, params (string Name, string Value)[] headers)
    {
        using var client = server.CreateClient(mptcp: false);
        return await GetAsync(client, new Uri(path, UriKind.Relative), headers);
    }

    private static async Task<HttpStatusCode> GetAsync(HttpClient client, Uri address, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await client.SendAsync(request);
        return response.StatusCode;
    }
}
