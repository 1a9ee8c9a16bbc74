using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>
/// UseMptcp on a client whose primary handler it can't use: as a default it leaves the client alone, by name it says which client and why.
/// </summary>
public sealed class HttpClientDefaultsTests
{
    public HttpClientDefaultsTests() => Requires.Mptcp();

    public static TheoryData<string, Func<HttpMessageHandler>, string> Handlers { get; } = new()
    {
        { "HttpClientHandler", () => new HttpClientHandler { UseProxy = false }, OfAnotherKind(typeof(HttpClientHandler)) },
        { "a handler of a test", () => new Fake(), OfAnotherKind(typeof(Fake)) },
        { "a handler around another one", () => new Around(), OfAnotherKind(typeof(Around)) },
        { "a ConnectCallback", () => new SocketsHttpHandler { UseProxy = false, ConnectCallback = ConnectAsync }, "has a ConnectCallback already" },
        { "UseMptcp without its result", () => WithUseMptcp(), "has a ConnectCallback already" },
    };

    [Theory]
    [MemberData(nameof(Handlers))]
    public async Task UseMptcp_ByDefault_LeavesTheClientAloneAndLogsIt(string what, Func<HttpMessageHandler> create, string why)
    {
        Assert.NotEmpty(what);
        await using var server = await Server.StartAsync();
        using var log = new LogRecorder();
        await using var services = Build(log, services =>
        {
            services.ConfigureHttpClientDefaults(client => client.UseMptcp());
            services.AddHttpClient("own").ConfigurePrimaryHttpMessageHandler(create).SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        });
        var factory = services.GetRequiredService<IHttpClientFactory>();
        using var own = factory.CreateClient("own");
        Assert.NotEmpty(await own.GetStringAsync(server.Address));
        var line = Assert.Single(log.Ours, line => line.Event.Id == 60);
        Assert.Equal((LogLevel.Debug, "ClientLeftAlone", "Mptcp.AspNetCore.Clients"), (line.Level, line.Event.Name, line.Category));
        Assert.StartsWith("HttpClient \"own\" does not connect over Multipath TCP by default: ", line.Message, StringComparison.Ordinal);
        Assert.Contains(why, line.Message);

        using var other = factory.CreateClient("other");
        Assert.Equal("active", await other.GetStringAsync(server.Address));
        Assert.Single(log.Ours, line => line.Event.Id == 60);
    }

    [Theory]
    [MemberData(nameof(Handlers))]
    public async Task UseMptcp_ByName_ThrowsWithTheClientAndTheReason(string what, Func<HttpMessageHandler> create, string why)
    {
        Assert.NotEmpty(what);
        using var log = new LogRecorder();
        await using var services = Build(log, services =>
        {
            services.ConfigureHttpClientDefaults(client => client.UseMptcp());
            services.AddHttpClient("own").ConfigurePrimaryHttpMessageHandler(create).UseMptcp();
        });
        var refusal = Assert.Throws<InvalidOperationException>(() => services.GetRequiredService<IHttpClientFactory>().CreateClient("own"));
        Assert.StartsWith("HttpClient \"own\" can't connect over Multipath TCP", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(why, refusal.Message);
        Assert.Contains("UseSocketsHttpHandler", refusal.Message);
    }

    private static string OfAnotherKind(Type type) => $"its primary handler is {type} and not a SocketsHttpHandler";

    private static SocketsHttpHandler WithUseMptcp()
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        handler.UseMptcp();
        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static ServiceProvider Build(LogRecorder log, Action<IServiceCollection> register)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug));
        register(services);
        return services.BuildServiceProvider();
    }

    private sealed class Fake : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage { Content = new StringContent("fake") });
    }

    private sealed class Around() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false });
}
