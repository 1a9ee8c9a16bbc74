using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>HTTP/1.1 on a pool of connections to one origin, half of which speak Multipath TCP: each response names its own.</summary>
public sealed class PooledConnectionTests
{
    public PooledConnectionTests() => Requires.Mptcp();

    [Theory]
    [InlineData(2000, false, true)]
    [InlineData(1000, true, true)]
    [InlineData(600, false, false)]
    public async Task GetMptcpStatus_ManyRequestsOfEveryKind_EachIsRight(int count, bool tls, bool async)
    {
        var attempts = new ConcurrentDictionary<string, int>();
        await using var other = await MixedServer.StartAsync(HttpProtocols.Http1, tls);
        await using var server = await MixedServer.StartAsync(HttpProtocols.Http1, tls, app => Map(app, other, attempts));
        var handler = MptcpClient.CreateHandler();
        handler.MaxConnectionsPerServer = 8;
        handler.Credentials = new NetworkCredential("user", "password");
        handler.Expect100ContinueTimeout = TimeSpan.FromSeconds(30);
        using var client = new HttpMessageInvoker(handler.UseMptcp(MixedServer.Options(server, other)));
        var tally = new Tally();

        async Task SendAsync(int i)
        {
            using var request = Make(server, i);
            using var cancellation = new CancellationTokenSource();
            if (request.RequestUri!.AbsolutePath == "/slow")
            {
                cancellation.CancelAfter(i % 5);
            }

            try
            {
                using var response = async ? await client.SendAsync(request, cancellation.Token) : client.Send(request, cancellation.Token);
                Assert.True(response.IsSuccessStatusCode, $"{request.RequestUri}: {response.StatusCode}");
                tally.Add(response);
                await response.Content.CopyToAsync(Stream.Null, cancellation.Token);

                // Closed by now, some of them.
                tally.Add(response);
            }
            catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
            {
                tally.AddWithout(request.RequestUri.AbsolutePath);
            }
        }

        // Threads of their own, for the synchronous ones block them.
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, async ? 24 : 8).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (Interlocked.Increment(ref next) is var i && i < count * 3 / 4)
                {
                    SendAsync(i).GetAwaiter().GetResult();
                }
            },
            default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        for (var i = count * 3 / 4; i < count; i++)
        {
            await SendAsync(i);
        }

        tally.AssertRight();
        Assert.Equal(0, tally.Unknown);

        // Only what was to fail failed, and the rest was answered on connections that were used again and again.
        Assert.Subset(new HashSet<string> { "/slow", "/drop" }, tally.Without);
        Assert.True(tally.Right > count * 7 / 5, tally.ToString());
        Assert.InRange(server.Connects + other.Connects, 8, count);
        Assert.Contains(attempts.Values, count => count > 1);
    }

    [Fact]
    public async Task GetMptcpStatus_RetriedOnAnotherConnection_IsThatOfTheLast()
    {
        var attempts = new ConcurrentDictionary<string, int>();
        await using var server = await MixedServer.StartAsync(HttpProtocols.Http1, map: app => Map(app, null, attempts));
        using var client = new HttpClient(MptcpClient.CreateHandler().UseMptcp(MixedServer.Options(server)));
        for (var i = 0; i < 20; i++)
        {
            using var before = await client.GetAsync(server.At("/ok"));
            using var response = await client.GetAsync(server.At($"/drop?id={i}"));
            Assert.Equal(2, attempts[$"{i}"]);
            Assert.NotEqual(MixedServer.StatusOf(before), MixedServer.StatusOf(response));
            Assert.Equal(MixedServer.StatusOf(response), response.GetMptcpStatus());
            Assert.Equal(MixedServer.StatusOf(before), before.GetMptcpStatus());
        }
    }

    private static HttpRequestMessage Make(MixedServer server, int i)
    {
        switch (i % 10)
        {
            case 0:
                return new(HttpMethod.Get, server.At($"/drop?id={i}"));
            case 1:
                return new(HttpMethod.Get, server.At("/slow"));
            case 2:
                return new(HttpMethod.Get, server.At($"/secret?close={i % 20 == 2}"));
            case 3:
                return new(HttpMethod.Get, server.At("/elsewhere"));
            case 4:
                var upload = new HttpRequestMessage(HttpMethod.Put, server.At($"/upload?close={i % 20 == 4}")) { Content = new ByteArrayContent(new byte[50_000]) };
                upload.Headers.ExpectContinue = true;
                return upload;
            case 5:
                return new(HttpMethod.Get, server.At("/close"));
            default:
                return new(HttpMethod.Get, server.At("/ok"));
        }
    }

    private static void Map(WebApplication app, MixedServer? other, ConcurrentDictionary<string, int> attempts)
    {
        app.MapGet("/ok", () => "ok");
        app.MapGet("/elsewhere", () => Results.Redirect(other!.At("/").ToString()));
        app.MapGet("/slow", async (HttpContext context) =>
        {
            await context.Response.WriteAsync("begun");
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        app.MapGet("/drop", async (HttpContext context) =>
        {
            if (attempts.AddOrUpdate(context.Request.Query["id"].ToString(), 1, (_, count) => count + 1) == 1)
            {
                // Closed in order and without a word, as a server does that no longer wants an idle connection: HttpClient tries another one.
                // It is not reset before the client has seen that.
                context.Features.Get<IConnectionSocketFeature>()!.Socket.Shutdown(SocketShutdown.Send);
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        });
        app.MapGet("/close", (HttpContext context) =>
        {
            context.Response.Headers.Connection = "close";
            return "closed";
        });
        app.MapGet("/secret", Challenge);
        app.MapPut("/upload", async (HttpContext context) =>
        {
            await Challenge(context);
            if (context.Response.StatusCode == 200)
            {
                await context.Request.Body.CopyToAsync(Stream.Null);
            }
        });
    }

    /// <summary>Asks for a password; then closes the connection or not, so that the second try is on another one or not.</summary>
    private static Task Challenge(HttpContext context)
    {
        if (context.Request.Headers.Authorization.Count == 0)
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"tests\"";
            if (context.Request.Query["close"] == "True")
            {
                context.Response.Headers.Connection = "close";
            }
        }

        return Task.CompletedTask;
    }
}
