using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>HTTP/2: many requests at once on a connection. Where there is but one it is known; where it is not certain nothing is said.</summary>
public sealed class Http2ConnectionTests
{
    private const int Meeting = 15;

    public Http2ConnectionTests() => Requires.Mptcp();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetMptcpStatus_OneConnection_AlwaysRight(bool tls)
    {
        await using var server = await StartAsync(tls);
        var tally = new Tally();
        for (var i = 0; i < 4; i++)
        {
            // Every other client has a connection that falls back.
            using var client = Create(server);
            await Parallel.ForAsync(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 60 }, async (j, _) => await SendAsync(client, server.At($"/after/{j % 4}"), tally));
        }

        Assert.Equal(4, server.Connects);
        tally.AssertRight(600);
        Assert.Equal(0, tally.Unknown);
        Assert.Empty(tally.Without);
    }

    [Fact]
    public async Task GetMptcpStatus_SeveralConnectionsAtOnce_NeverWrong()
    {
        // Each connection takes ten requests at once.
        await using var server = await StartAsync(tls: false, kestrel => kestrel.Limits.Http2.MaxStreamsPerConnection = 10);
        using var client = Create(server, handler => handler.EnableMultipleHttp2Connections = true);
        var tally = new Tally();
        await SendAsync(client, server.At("/ok"), tally);
        Assert.Equal((2, 0), (tally.Right, tally.Unknown));

        // As many as one connection does not take.
        await Task.WhenAll(Enumerable.Range(0, Meeting).Select(_ => SendAsync(client, server.At("/meet"), tally)));
        await Parallel.ForAsync(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) => await SendAsync(client, server.At($"/after/{i % 4}"), tally));
        Assert.InRange(server.Connects, 2, 100);
        tally.AssertNotWrong();

        // With several open it can't be known, and is not guessed.
        Assert.True(tally.Unknown > 0, tally.ToString());

        // Kestrel still counts a stream for a moment when it is over and refuses one too many, also those of a plain SocketsHttpHandler.
        Assert.True(tally.Unknown + tally.Right > 1500, tally.ToString());
    }

    [Fact]
    public async Task GetMptcpStatus_ConnectionsComeAndGo_NeverWrong()
    {
        await using var server = await StartAsync(tls: false);
        using var client = Create(server, handler => handler.PooledConnectionLifetime = TimeSpan.FromMilliseconds(20));
        var tally = new Tally();

        // Graceful ends by GOAWAY, connections cut off, and connections that HttpClient itself finds too old.
        await Parallel.ForAsync(0, 1500, new ParallelOptions { MaxDegreeOfParallelism = 6 }, async (i, _) => await SendAsync(
            client, server.At(i % 50 == 0 ? "/goaway" : i % 70 == 0 ? "/cut" : $"/after/{i % 3}"), tally));
        for (var i = 0; i < 200; i++)
        {
            await SendAsync(client, server.At(i % 4 == 0 ? "/goaway" : "/ok"), tally);
        }

        Assert.InRange(server.Connects, 20, 1700);
        tally.AssertRight(20);
    }

    [Fact]
    public async Task GetMptcpStatus_ConnectionClosedAndAnotherOpenedBeforeTheResponseIsHandedOver_IsUnknown()
    {
        await using var server = await StartAsync(tls: false);
        var wrapper = MptcpClient.CreateHandler().UseMptcp(MixedServer.Options(server));
        var hold = new HoldResponse(wrapper.InnerHandler!);
        wrapper.InnerHandler = hold;
        using var client = new HttpMessageInvoker(wrapper);

        using var first = await SendAsync(client, server.At("/ok"));
        Assert.Equal(MptcpStatus.Active, first.GetMptcpStatus());

        hold.Next = new TaskCompletionSource();
        var held = SendAsync(client, server.At("/held"));
        await hold.IsHeld.Task;
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => SendAsync(client, server.At("/cut")));
        using var second = await SendAsync(client, server.At("/ok"));
        Assert.Equal(MptcpStatus.FellBack, MixedServer.StatusOf(second));

        hold.Next.SetResult();
        using var response = await held;
        Assert.Equal(MptcpStatus.Active, MixedServer.StatusOf(response));
        Assert.Equal(MptcpStatus.Unknown, response.GetMptcpStatus());
        Assert.Equal(MptcpStatus.Active, first.GetMptcpStatus());

        // As long as HttpClient has not let go of the first connection, it is not known which it was.
        var status = MptcpStatus.Unknown;
        await Wait.UntilAsync(async () =>
        {
            using var third = await SendAsync(client, server.At("/ok"));
            return (status = third.GetMptcpStatus()) != MptcpStatus.Unknown;
        });
        Assert.Equal(MptcpStatus.FellBack, status);
    }

    [Fact]
    public async Task GetMptcpStatus_TwoOriginsAndRedirectsBetweenThem_EachItsOwn()
    {
        await using var other = await StartAsync(tls: false);
        await using var server = await MixedServer.StartAsync(
            HttpProtocols.Http2, map: app => app.MapGet("/elsewhere", () => Results.Redirect(other.At("/ok").ToString())));
        using var client = new HttpMessageInvoker(MptcpClient.CreateHandler().UseMptcp(MixedServer.Options(server, other)));
        var tally = new Tally();

        other.Skip();

        // While a connection opens it could be anybody's.
        await SendAsync(client, server.At("/elsewhere"), new Tally());
        await Parallel.ForAsync(0, 200, async (i, _) => await SendAsync(client, i % 2 == 0 ? server.At("/elsewhere") : server.At("/"), tally));
        Assert.Equal((1, 2), (server.Connects, other.Connects));
        tally.AssertRight(100);
        Assert.Equal(0, tally.Unknown);
    }

    private static HttpMessageInvoker Create(MixedServer server, Action<SocketsHttpHandler>? configure = null)
    {
        var handler = MptcpClient.CreateHandler();
        configure?.Invoke(handler);
        return new HttpMessageInvoker(handler.UseMptcp(MixedServer.Options(server)));
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpMessageInvoker client, Uri address) =>
        await client.SendAsync(MptcpClient.Request(address, HttpVersion.Version20), default);

    private static async Task SendAsync(HttpMessageInvoker client, Uri address, Tally tally)
    {
        try
        {
            using var response = await SendAsync(client, address);
            tally.Add(response);
            await response.Content.CopyToAsync(Stream.Null);
            tally.Add(response);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            tally.AddWithout(address.AbsolutePath);
        }
    }

    private static Task<MixedServer> StartAsync(bool tls, Action<KestrelServerOptions>? configure = null)
    {
        var missing = Meeting;
        var haveMet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return MixedServer.StartAsync(HttpProtocols.Http2, tls, Map, configure);

        void Map(WebApplication app)
        {
            app.MapGet("/meet", async () =>
            {
                if (Interlocked.Decrement(ref missing) == 0)
                {
                    haveMet.SetResult();
                }

                await Task.WhenAny(haveMet.Task, Task.Delay(TimeSpan.FromSeconds(10)));
                return "all";
            });
            app.MapGet("/ok", () => "ok");
            app.MapGet("/held", () => "held");
            app.MapGet("/after/{milliseconds:int}", async (int milliseconds) =>
            {
                await Task.Delay(milliseconds);
                return "ok";
            });
            app.MapGet("/goaway", (HttpContext context) =>
            {
                context.Connection.RequestClose();
                return "bye";
            });
            app.MapGet("/cut", (HttpContext context) => context.Features.Get<IConnectionLifetimeFeature>()!.Abort());
        }
    }

    /// <summary>Between the wrapper and HttpClient's pool: lets a response wait, as a busy machine can.</summary>
    private sealed class HoldResponse(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        public TaskCompletionSource? Next { get; set; }

        public TaskCompletionSource IsHeld { get; } = new();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (request.RequestUri!.AbsolutePath == "/held")
            {
                IsHeld.SetResult();
                await Next!.Task;
            }

            return response;
        }
    }
}
