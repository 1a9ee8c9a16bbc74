using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>HTTP/3 beside a demand for Multipath TCP. The transport of HTTP/3 is a fake one: this works on machines without MsQuic.</summary>
public sealed class Http3Tests
{
    public Http3Tests() => Requires.Mptcp();

    public static TheoryData<string, Func<int, IPEndPoint>, Dictionary<string, string?>> Demands => new()
    {
        { "Required", _ => Plain(_), new() { ["Mptcp:Mode"] = "Required" } },
        { "Reject", _ => Plain(_), new() { ["Mptcp:Fallback"] = "Reject" } },
        { "Required of the endpoint", port => new MptcpEndPoint(IPAddress.Loopback, port) { Mode = MptcpMode.Required }, [] },
        { "Reject of the endpoint", port => new MptcpEndPoint(IPAddress.Loopback, port) { Fallback = MptcpFallback.Reject }, [] },
        { "Required of all endpoints", _ => Plain(_), new() { ["Kestrel:EndpointDefaults:Mptcp"] = "Required" } },
    };

    [Theory]
    [MemberData(nameof(Demands))]
    public async Task Start_EndpointDemandsMptcpAndServesHttp3_Refuses(string demand, Func<int, IPEndPoint> create, Dictionary<string, string?> configuration)
    {
        Assert.NotEmpty(demand);
        foreach (var protocols in new[] { HttpProtocols.Http1AndHttp2AndHttp3, HttpProtocols.Http3 })
        {
            var quic = new FakeQuic();
            var endPoint = create(Ports.Free(1)[0]);
            var failure = await Assert.ThrowsAsync<IOException>(() => StartAsync(quic, endPoint, protocols, configuration));
            Assert.StartsWith($"Failed to listen on {endPoint} for HTTP/3: ", failure.Message);
            Assert.Contains("Remove HTTP/3 from the endpoint's protocols", failure.Message);
            Assert.Empty(quic.Bound);
        }
    }

    [Theory]
    [MemberData(nameof(Demands))]
    public async Task Start_EndpointDemandsMptcpWithoutHttp3_Serves(string demand, Func<int, IPEndPoint> create, Dictionary<string, string?> configuration)
    {
        Assert.NotEmpty(demand);
        var quic = new FakeQuic();
        await using var server = await StartAsync(quic, create(Ports.Free(1)[0]), HttpProtocols.Http1AndHttp2, configuration);
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        Assert.Empty(quic.Bound);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Disabled")]
    public async Task Start_Http3AndNoDemand_IsBoundByItsOwnTransport(string? mode)
    {
        var quic = new FakeQuic();
        var endPoint = new MptcpEndPoint(IPAddress.Loopback, Ports.Free(1)[0]) { Mode = mode is null ? null : MptcpMode.Required };
        await using var server = await StartAsync(quic, endPoint, HttpProtocols.Http1AndHttp2AndHttp3, new() { ["Mptcp:Mode"] = mode });
        Assert.Equal([endPoint], quic.Bound);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Start_NoTransportForHttp3_EndpointThatDemandsMptcpServes(bool registersAgain)
    {
        // As on a host without MsQuic, where Kestrel leaves HTTP/3 out.
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                _ = registersAgain ? builder.WebHost.UseMptcp() : null;
                Listen(builder, Plain(Ports.Free(1)[0]), HttpProtocols.Http1AndHttp2AndHttp3);
            },
            configuration: new() { ["Mptcp:Mode"] = "Required" });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        using var client = server.CreateClient(mptcp: true);
        using var response = await client.GetAsync("/");
        Assert.False(response.Headers.Contains("Alt-Svc"));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1AndHttp2, true)]
    [InlineData(HttpProtocols.Http1AndHttp2AndHttp3, true)]
    [InlineData(HttpProtocols.Http3, true)]
    [InlineData(HttpProtocols.Http1AndHttp2, false)]
    [InlineData(HttpProtocols.Http1AndHttp2AndHttp3, false)]
    public async Task Start_TransportForHttp3RegisteredAfterUseMptcp_DemandIsRefusedWithTheRemedy(HttpProtocols protocols, bool demandOfAll)
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory>(new FakeQuic());
                var port = Ports.Free(1)[0];
                Listen(
                    builder, demandOfAll ? Plain(port) : new MptcpEndPoint(IPAddress.Loopback, port) { Fallback = MptcpFallback.Reject }, protocols);
            },
            configuration: demandOfAll ? new() { ["Mptcp:Fallback"] = "Reject" } : []));
        Assert.Equal(demandOfAll ? typeof(InvalidOperationException) : typeof(IOException), failure.GetType());
        Assert.Contains("Call UseMptcp after UseKestrel and UseQuic.", failure.Message);
    }

    [Fact]
    public async Task Start_TransportForHttp3RegisteredAfterUseMptcpAndNoDemand_Serves()
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory>(new FakeQuic());
            Listen(builder, Plain(Ports.Free(1)[0]), HttpProtocols.Http1AndHttp2AndHttp3);
        });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
    }

    [Fact]
    public async Task Start_UseMptcpAgainAfterTheTransportForHttp3_Refuses()
    {
        var quic = new FakeQuic();
        var failure = await Assert.ThrowsAsync<IOException>(() => Server.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory>(new FakeQuic());
                builder.WebHost.UseMptcp();
                builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory>(quic);
                builder.WebHost.UseMptcp();
                Listen(builder, Plain(Ports.Free(1)[0]), HttpProtocols.Http1AndHttp2AndHttp3);
            },
            configuration: new() { ["Mptcp:Mode"] = "Required" }));
        Assert.Contains("for HTTP/3: ", failure.Message);
        Assert.Empty(quic.Bound);
    }

    [Theory]
    [InlineData("/free", HttpStatusCode.OK)]
    [InlineData("/guarded", HttpStatusCode.Forbidden)]
    public async Task Request_OverHttp3_NoFeatureNoHeaderAndTheGuardRejects(string path, HttpStatusCode expected)
    {
        // A request as Kestrel makes it of an HTTP/3 stream: the protocol, the feature of the stream, and none of our transport.
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseMptcp().UseTestServer();
        await using var app = builder.Build();
        app.UseMptcpStatusHeader();
        app.MapGet("/free", (HttpContext context) => context.Features.Get<IMptcpFeature>() is null ? "absent" : "there");
        app.MapGet("/guarded", () => "guarded").RequireMptcp();
        await app.StartAsync();

        var answer = await app.GetTestServer().SendAsync(context =>
        {
            context.Request.Protocol = HttpProtocol.Http3;
            context.Request.Path = path;
            context.Features.Set<IStreamDirectionFeature>(new FakeStream());
        });
        Assert.Equal((int)expected, answer.Response.StatusCode);
        Assert.False(answer.Response.Headers.ContainsKey("Mptcp-Status"));
        using var reader = new StreamReader(answer.Response.Body);
        Assert.Contains(expected == HttpStatusCode.OK ? "absent" : "Multipath TCP required", await reader.ReadToEndAsync());
    }

    private static IPEndPoint Plain(int port) => new(IPAddress.Loopback, port);

    private static Task<Server> StartAsync(FakeQuic quic, IPEndPoint endPoint, HttpProtocols protocols, Dictionary<string, string?> configuration) =>
        Server.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory>(quic);
                builder.WebHost.UseMptcp();
                Listen(builder, endPoint, protocols);
            },
            configuration: configuration);

    private static void Listen(WebApplicationBuilder builder, IPEndPoint endPoint, HttpProtocols protocols) =>
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(endPoint, listen =>
            {
                listen.Protocols = protocols;
                listen.UseHttps(Server.Certificate);
            });
        });

    private sealed class FakeStream : IStreamDirectionFeature
    {
        public bool CanRead => true;

        public bool CanWrite => true;
    }

    /// <summary>Keeps what it was asked to bind, and accepts nothing.</summary>
    private sealed class FakeQuic : IMultiplexedConnectionListenerFactory
    {
        public List<EndPoint> Bound { get; } = [];

        public ValueTask<IMultiplexedConnectionListener> BindAsync(
            EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
        {
            Bound.Add(endpoint);
            return ValueTask.FromResult<IMultiplexedConnectionListener>(new Listener(endpoint));
        }

        private sealed class Listener(EndPoint endPoint) : IMultiplexedConnectionListener
        {
            private readonly TaskCompletionSource<MultiplexedConnectionContext?> _end = new();

            public EndPoint EndPoint => endPoint;

            public async ValueTask<MultiplexedConnectionContext?> AcceptAsync(
                IFeatureCollection? features = null, CancellationToken cancellationToken = default) => await _end.Task;

            public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => DisposeAsync();

            public ValueTask DisposeAsync()
            {
                _end.TrySetResult(null);
                return ValueTask.CompletedTask;
            }
        }
    }
}
