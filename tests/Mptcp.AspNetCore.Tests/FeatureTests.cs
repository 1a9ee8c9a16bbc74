using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class FeatureTests
{
    public FeatureTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true, "active")]
    [InlineData(false, "not-negotiated")]
    public async Task Status_Http1_IsTheConnections(bool mptcp, string expected)
    {
        await using var server = await Server.StartAsync();
        Assert.Equal(expected, await server.GetStatusAsync(mptcp));
    }

    [Theory]
    [InlineData("http://[::1]:0", "[::1]")]
    [InlineData("http://[::]:0", "[::1]")]
    [InlineData("http://[::]:0", "127.0.0.1")]
    [InlineData("http://0.0.0.0:0", "127.0.0.1")]
    public async Task Status_OtherAddresses_IsTheConnections(string url, string connectTo)
    {
        Requires.IPv6();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseUrls(url);
            builder.WebHost.UseMptcp();
        });
        foreach (var mptcp in new[] { true, false })
        {
            using var client = new HttpClient(Client.CreateHandler(mptcp));
            Assert.Equal(
                mptcp ? "active" : "not-negotiated", await client.GetStringAsync($"http://{connectTo}:{server.Address.Port}/"));
        }
    }

    [Theory]
    [InlineData(true, "active")]
    [InlineData(false, "not-negotiated")]
    public async Task Status_Http2OverTls_IsTheConnectionsOnEveryStream(bool mptcp, string expected)
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(Server.Certificate)));
        });
        using var client = server.CreateClient(mptcp, HttpVersion.Version20);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.GetStringAsync("/")));
        Assert.Equal([expected], answers.Distinct());
    }

    [Theory]
    [InlineData(true, "active")]
    [InlineData(false, "not-negotiated")]
    public async Task Status_WebSocket_IsTheConnections(bool mptcp, string expected)
    {
        await using var server = await Server.StartAsync(map: app =>
        {
            app.UseWebSockets();
            app.Map("/ws", async (HttpContext context) =>
            {
                using var socket = await context.WebSockets.AcceptWebSocketAsync();
                var status = context.Features.Get<IMptcpFeature>()!.Status.ToToken();
                await socket.SendAsync(Encoding.ASCII.GetBytes(status), WebSocketMessageType.Text, endOfMessage: true, default);
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
            });
        });
        using var invoker = new HttpMessageInvoker(Client.CreateHandler(mptcp));
        using var client = new ClientWebSocket();
        await client.ConnectAsync(new UriBuilder(server.Address) { Scheme = "ws", Path = "/ws" }.Uri, invoker, default);
        var buffer = new byte[100];
        var received = await client.ReceiveAsync(buffer.AsMemory(), default);
        Assert.Equal(expected, Encoding.ASCII.GetString(buffer, 0, received.Count));
    }

    [Fact]
    public async Task Status_ConnectionMiddleware_SeesTheFeatureBeforeTls()
    {
        var seen = new TaskCompletionSource<MptcpStatus?>();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Use(next => connection =>
                {
                    seen.TrySetResult(connection.Features.Get<IMptcpFeature>()?.Status);
                    return next(connection);
                });
                listen.UseHttps(Server.Certificate);
            }));
        });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        Assert.Equal(MptcpStatus.Active, await seen.Task);
    }

    [Theory]
    [InlineData(true, true, "active")]
    [InlineData(true, false, "not-negotiated")]
    [InlineData(false, true, "unavailable")]
    [InlineData(false, false, "unavailable")]
    public async Task Status_InheritedListeningSocket_IsTheConnections(bool listenerMptcp, bool clientMptcp, string expected)
    {
        // As systemd hands it over: bound and not ours.
        using var inherited = listenerMptcp
            ? MptcpSocket.Create(AddressFamily.InterNetwork)
            : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        inherited.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)inherited.LocalEndPoint!).Port;
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenHandle((ulong)inherited.Handle));
        });
        using var client = new HttpClient(Client.CreateHandler(clientMptcp));
        Assert.Equal(expected, await client.GetStringAsync($"http://127.0.0.1:{port}/"));
    }

    [Fact]
    public async Task Feature_UnixSocket_AbsentAndServed()
    {
        var path = Path.Combine(Path.GetTempPath(), $"mptcp-test-{Guid.NewGuid():N}.sock");
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(path));
            },
            app => app.UseMptcpStatusHeader());
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        using var response = await client.GetAsync("http://localhost/");
        Assert.Equal("absent", await response.Content.ReadAsStringAsync());
        Assert.False(response.Headers.Contains("Mptcp-Status"));
    }

    [Fact]
    public async Task TryGetInfo_MptcpAndTcp_FiguresOrNone()
    {
        await using var server = await Server.StartAsync(map: app => app.MapGet("/info", (HttpContext context) =>
            context.Features.Get<IMptcpFeature>()!.TryGetInfo(out var info) ? $"{info.Subflows} {info.BytesReceived > 0}" : "none"));
        using var mptcp = server.CreateClient(mptcp: true);
        using var tcp = server.CreateClient(mptcp: false);
        Assert.Equal("1 True", await mptcp.GetStringAsync("/info"));
        Assert.Equal("none", await tcp.GetStringAsync("/info"));
    }

    [Fact]
    public async Task GetSubflows_MptcpAndTcp_ThePathOrNone()
    {
        await using var server = await Server.StartAsync(map: app => app.MapGet("/subflows", (HttpContext context) =>
        {
            var subflows = Assert.IsType<MptcpSubflowList>(context.Features.Get<IMptcpFeature>()!.GetSubflows());
            Assert.Equal(subflows.Count == 0, subflows.WhyEmpty is not null);
            return string.Join(';', subflows.Select(subflow => subflow.LocalEndPoint));
        }));
        using var mptcp = server.CreateClient(mptcp: true);
        using var tcp = server.CreateClient(mptcp: false);
        Assert.Equal(server.EndPoint.ToString(), await mptcp.GetStringAsync("/subflows"));
        Assert.Equal("", await tcp.GetStringAsync("/subflows"));
    }

    [Theory]
    [InlineData(true, true, MptcpStatus.Active)]
    [InlineData(true, false, MptcpStatus.Unknown)]
    [InlineData(false, true, MptcpStatus.NotNegotiated)]
    [InlineData(false, false, MptcpStatus.NotNegotiated)]
    public async Task Status_ConnectionClosed_LastKnownAndNeverThrows(bool mptcp, bool readBefore, MptcpStatus expected)
    {
        var served = new TaskCompletionSource<IMptcpFeature>();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(next => async connection =>
            {
                var feature = connection.Features.Get<IMptcpFeature>()!;
                if (readBefore)
                {
                    _ = feature.Status;
                }

                await next(connection);
                served.SetResult(feature);
            })));
        });

        // Not /, which would read it.
        var socket = await Client.ConnectAsync(server.EndPoint, mptcp);
        await socket.SendAsync("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        while (await socket.ReceiveAsync(new byte[4096]) > 0)
        {
        }

        socket.Dispose();
        var feature = await served.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await server.StopAsync();

        Assert.Equal(expected, feature.Status);
        Assert.False(feature.TryGetInfo(out _));
        Assert.Empty(feature.GetSubflows());
        Assert.Equal(expected, feature.Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Status_ConnectionResetWhileServed_NeverThrows(bool mptcp)
    {
        var reached = new TaskCompletionSource();
        var result = new TaskCompletionSource<MptcpStatus>();
        await using var server = await Server.StartAsync(map: app => app.MapGet("/wait", async (HttpContext context) =>
        {
            var aborted = new TaskCompletionSource();
            context.RequestAborted.Register(aborted.SetResult);
            reached.SetResult();
            await aborted.Task;
            var feature = context.Features.Get<IMptcpFeature>()!;
            feature.TryGetInfo(out _);
            result.SetResult(feature.Status);
        }));
        var socket = await Client.ConnectAsync(server.EndPoint, mptcp);
        await socket.SendAsync("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await reached.Task;
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();

        // Whether Kestrel has closed its end by now or not, it is never the wrong protocol.
        Assert.Contains(
            await result.Task.WaitAsync(TimeSpan.FromSeconds(30)), new[] { mptcp ? MptcpStatus.Active : MptcpStatus.NotNegotiated, MptcpStatus.Unknown });
    }
}
