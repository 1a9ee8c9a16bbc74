using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>What is known of a request while it is sent and after it is over, whatever else goes on in its flow.</summary>
public sealed class RequestTests
{
    private const int LargeSize = 3_000_000;

    public RequestTests() => Requires.Mptcp();

    [Fact]
    public async Task GetMptcpConnection_WhileTheBodyIsSent_IsLive()
    {
        await using var server = await StartAsync();
        using var client = Create(server);
        using var request = new HttpRequestMessage(HttpMethod.Put, server.At("/upload"));
        Assert.Null(request.GetMptcpConnection());
        var during = 0;
        request.Content = new CallbackContent(1_000_000, () =>
        {
            var connection = request.GetMptcpConnection();
            Assert.Equal(MptcpStatus.Active, connection!.Status);
            Assert.Single(connection.GetSubflows());
            Assert.True(connection.TryGetInfo(out var info));
            Assert.NotEqual(0u, info.Token);
            during++;
            return Task.CompletedTask;
        });
        using var response = await client.SendAsync(request, default);
        Assert.Equal("1000000", await response.Content.ReadAsStringAsync());
        Assert.Equal(1, during);
        Assert.Same(request.GetMptcpConnection(), response.GetMptcpConnection());
    }

    [Fact]
    public async Task GetMptcpStatus_ConnectionClosedAfterTheResponse_IsRemembered()
    {
        await using var server = await StartAsync();
        using var client = Create(server);
        for (var i = 0; i < 4; i++)
        {
            using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, server.At("/close")), default);
            Assert.Equal("closed", await response.Content.ReadAsStringAsync());

            // It is asked here for the first time, and the socket is closed.
            var connection = response.GetMptcpConnection()!;
            Assert.Equal(i % 2 == 0 ? 1 : 0, connection.GetSubflows().Count);
            Assert.Equal(MixedServer.StatusOf(response), response.GetMptcpStatus());
            Assert.Equal(i % 2 == 0 ? MptcpStatus.Active : MptcpStatus.FellBack, connection.Status);
        }
    }

    /// <summary>Also where it was asked before: the figures are those of the end.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task GetSubflows_ConnectionClosedAfterTheResponse_AreTheLast(bool tls, bool askedBefore)
    {
        await using var server = await StartAsync(tls);
        using var client = Create(server);
        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, server.At("/large")), default);
        var connection = response.GetMptcpConnection()!;
        if (askedBefore)
        {
            Assert.Single(connection.GetSubflows());
            Assert.Equal(MptcpStatus.Active, connection.Status);
        }

        Assert.Equal(LargeSize, (await response.Content.ReadAsByteArrayAsync()).Length);
        var subflow = Assert.Single(connection.GetSubflows());
        Assert.InRange(subflow.BytesReceived, LargeSize, LargeSize + (LargeSize / 10));
        Assert.Equal(server.Address.Port, subflow.RemoteEndPoint.Port);
        Assert.True(connection.TryGetInfo(out var info));
        if (info.BytesReceived is { } received)
        {
            Assert.InRange(received, LargeSize, LargeSize + (LargeSize / 10));
        }

        Assert.Equal(MptcpStatus.Active, connection.GetSubflows().Connection.Status);
        Assert.Equal(MptcpStatus.Active, response.GetMptcpStatus());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetMptcpStatus_BodyIsProducedWithAnotherHandler_IsOfTheOuterRequest(bool wrapped)
    {
        await using var tcp = await Server.StartAsync(_ => { });
        await using var server = await StartAsync();
        using var client = Create(server);
        using var plain = MptcpClient.CreateHandler();
        using var wrapper = plain.UseMptcp();
        using var inner = new HttpMessageInvoker(wrapped ? wrapper : plain);
        using var request = new HttpRequestMessage(HttpMethod.Put, server.At("/upload"));
        var status = default(MptcpStatus?);
        request.Content = new CallbackContent(100_000, async () =>
        {
            using var nested = await inner.SendAsync(new HttpRequestMessage(HttpMethod.Get, tcp.Address), default);
            Assert.Equal("absent", await nested.Content.ReadAsStringAsync());
            status = nested.GetMptcpStatus();
        });
        using var response = await client.SendAsync(request, default);
        Assert.Equal(wrapped ? MptcpStatus.FellBack : MptcpStatus.Unknown, status);
        Assert.Equal(MptcpStatus.Active, MixedServer.StatusOf(response));
        Assert.Equal(MptcpStatus.Active, response.GetMptcpStatus());
    }

    [Fact]
    public async Task GetMptcpStatus_BodyIsProducedWithTheSameHandler_EachItsOwn()
    {
        await using var server = await StartAsync();
        using var client = Create(server);
        using var request = new HttpRequestMessage(HttpMethod.Put, server.At("/upload"));
        var nestedIsRight = false;
        request.Content = new CallbackContent(100_000, async () =>
        {
            using var nested = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, server.At("/")), default);
            nestedIsRight = (MptcpStatus.FellBack, MptcpStatus.FellBack) == (MixedServer.StatusOf(nested), nested.GetMptcpStatus());
        });
        using var response = await client.SendAsync(request, default);
        Assert.True(nestedIsRight);
        Assert.Equal(MptcpStatus.Active, MixedServer.StatusOf(response));
        Assert.Equal(MptcpStatus.Active, response.GetMptcpStatus());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetMptcpStatus_WebSocketOfTheSameHandlerIsUsedInTheFlow_IsOfTheRequest(bool afterwards)
    {
        await using var server = await StartAsync();
        using var handler = MptcpClient.CreateHandler();
        using var wrapper = handler.UseMptcp(MixedServer.Options(server));
        using var client = new HttpMessageInvoker(wrapper);

        // Opened through the handler alone, nobody learns that it is a WebSocket; when the request is over that does not matter.
        using var opener = new HttpMessageInvoker(afterwards ? handler : wrapper, disposeHandler: false);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(server.At("/ws")) { Scheme = "ws" }.Uri, opener, default);
        using var request = new HttpRequestMessage(HttpMethod.Put, server.At("/upload"));
        var isOver = new TaskCompletionSource();
        Task? sending = null;
        request.Content = new CallbackContent(100_000, async () =>
        {
            sending = SpeakAsync();
            if (!afterwards)
            {
                await sending;
            }
        });
        using var response = await client.SendAsync(request, default);
        isOver.SetResult();
        await sending!;
        Assert.Equal(MptcpStatus.FellBack, MixedServer.StatusOf(response));
        Assert.Equal(MptcpStatus.FellBack, response.GetMptcpStatus());

        async Task SpeakAsync()
        {
            if (afterwards)
            {
                await isOver.Task;
            }

            await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, default);
            var buffer = new byte[100];
            var received = await socket.ReceiveAsync(buffer, default);
            Assert.Equal("active", Encoding.ASCII.GetString(buffer, 0, received.Count));
        }
    }

    [Fact]
    public async Task GetMptcpStatus_RequestMessageIsSentAgain_IsNeverThatOfTheOther()
    {
        await using var server = await StartAsync();
        using var client = Create(server);
        using var request = new HttpRequestMessage(HttpMethod.Get, server.At("/close"));
        using var first = await client.SendAsync(request, default);
        Assert.Equal(MptcpStatus.Active, first.GetMptcpStatus());
        using var second = await client.SendAsync(request, default);
        Assert.Equal((MptcpStatus.Active, MptcpStatus.FellBack), (MixedServer.StatusOf(first), MixedServer.StatusOf(second)));
        Assert.Equal((MptcpStatus.Unknown, MptcpStatus.FellBack), (first.GetMptcpStatus(), second.GetMptcpStatus()));
        Assert.Same(second.GetMptcpConnection(), request.GetMptcpConnection());
    }

    [Fact]
    public async Task GetMptcpStatus_FlowOfExecutionIsSuppressed_NeverWrong()
    {
        await using var server = await StartAsync();
        using var client = Create(server);
        var tally = new Tally();
        await Parallel.ForAsync(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancellationToken) =>
        {
            Task<HttpResponseMessage> sending;
            using (ExecutionContext.SuppressFlow())
            {
                sending = client.SendAsync(new HttpRequestMessage(HttpMethod.Get, server.At(i % 10 == 0 ? "/close" : "/")), cancellationToken);
            }

            using var response = await sending;
            tally.Add(response);
            await response.Content.CopyToAsync(Stream.Null, cancellationToken);
        });
        tally.AssertNotWrong();
        Assert.Equal(300, tally.Right + tally.Unknown);
    }

    [Fact]
    public async Task GetMptcpStatus_ResponseThatCameFromElsewhere_IsUnknown()
    {
        await using var server = await StartAsync();
        using var client = Create(server);
        using var request = new HttpRequestMessage(HttpMethod.Get, server.At("/"));
        using var response = await client.SendAsync(request, default);
        Assert.Equal(MptcpStatus.Active, response.GetMptcpStatus());
        using var cached = new HttpResponseMessage { RequestMessage = request };
        using var detached = new HttpResponseMessage();
        Assert.Equal((MptcpStatus.Unknown, MptcpStatus.Unknown), (cached.GetMptcpStatus(), detached.GetMptcpStatus()));
    }

    private static HttpMessageInvoker Create(MixedServer server) => new(MptcpClient.CreateHandler().UseMptcp(MixedServer.Options(server)));

    private static Task<MixedServer> StartAsync(bool tls = false) => MixedServer.StartAsync(HttpProtocols.Http1, tls, app =>
    {
        app.MapGet("/large", (HttpContext context) =>
        {
            context.Response.Headers.Connection = "close";
            return Results.Bytes(new byte[LargeSize]);
        });
        app.UseWebSockets();
        app.MapPut("/upload", async (HttpContext context) =>
        {
            var buffer = new byte[1 << 16];
            long total = 0;
            while (await context.Request.Body.ReadAsync(buffer) is var count and > 0)
            {
                total += count;
            }

            await context.Response.WriteAsync($"{total}");
        });
        app.MapGet("/close", (HttpContext context) =>
        {
            context.Response.Headers.Connection = "close";
            return "closed";
        });
        app.Map("/ws", async (HttpContext context) =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.ReceiveAsync(new byte[100], default);
            var status = context.Features.Get<IMptcpFeature>()!.Status.ToToken();
            await socket.SendAsync(Encoding.ASCII.GetBytes(status), WebSocketMessageType.Text, endOfMessage: true, default);
        });
    });
}
