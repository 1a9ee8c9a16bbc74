using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>
/// One origin, to which every other connection of a client speaks Multipath TCP and every other falls back: its name has in turn one of
/// two addresses, and only at the first Kestrel speaks Multipath TCP. Each response says which it was.
/// </summary>
internal sealed class MixedServer : IAsyncDisposable
{
    public const string StatusHeader = "Served-As";
    public const string ConnectionHeader = "Served-On";

    private static readonly IPAddress s_mptcp = IPAddress.Parse("127.0.0.1");
    private static readonly IPAddress s_tcp = IPAddress.Parse("127.0.0.2");

    private readonly Server _server;
    private int _connects;

    private MixedServer(Server server, Uri address)
    {
        _server = server;
        Address = address;
    }

    public Uri Address { get; }

    /// <summary>How many connections were opened to it.</summary>
    public int Connects => Volatile.Read(ref _connects);

    public static async Task<MixedServer> StartAsync(
        HttpProtocols protocols, bool tls = false, Action<WebApplication>? map = null, Action<KestrelServerOptions>? configure = null)
    {
        var port = Ports.Free(1)[0];
        var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel =>
                {
                    configure?.Invoke(kestrel);
                    kestrel.Listen(new MptcpEndPoint(s_mptcp, port), Configure);
                    kestrel.Listen(new MptcpEndPoint(s_tcp, port) { Mode = MptcpMode.Disabled }, Configure);
                });
            },
            app =>
            {
                app.Use(SayWhich);
                map?.Invoke(app);
            });
        return new MixedServer(server, new Uri($"{(tls ? "https" : "http")}://mixed-{port}.test:{port}"));

        void Configure(ListenOptions listen)
        {
            listen.Protocols = protocols;
            if (tls)
            {
                listen.UseHttps(Server.Certificate);
            }
        }
    }

    /// <summary>Options that connect to these servers in turn.</summary>
    public static MptcpConnectOptions Options(params MixedServer[] servers) => new()
    {
        Resolver = (host, _, _) => Task.FromResult(new[] { servers.Single(server => server.Address.Host == host).NextAddress() }),
    };

    /// <summary>What the status of the response must be, by what the server said.</summary>
    public static MptcpStatus StatusOf(HttpResponseMessage response) => Enum.Parse<MptcpStatus>(response.Headers.GetValues(StatusHeader).Single());

    /// <summary>Lets the next connection be of the other kind.</summary>
    public void Skip() => Interlocked.Increment(ref _connects);

    public Uri At(string path) => new(Address, path);

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    private static Task SayWhich(HttpContext context, RequestDelegate next)
    {
        var status = context.Features.Get<IMptcpFeature>()!.Status == MptcpStatus.Active ? MptcpStatus.Active : MptcpStatus.FellBack;
        context.Response.Headers[StatusHeader] = status.ToString();
        context.Response.Headers[ConnectionHeader] = context.Connection.RemotePort.ToString(CultureInfo.InvariantCulture);
        return next(context);
    }

    private IPAddress NextAddress() => Interlocked.Increment(ref _connects) % 2 == 1 ? s_mptcp : s_tcp;
}
