using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>A real application on real Kestrel.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly Lazy<X509Certificate2> s_certificate = new(CreateCertificate);

    private readonly WebApplication _app;

    private Server(WebApplication app, LogRecorder log)
    {
        _app = app;
        Log = log;
    }

    public static X509Certificate2 Certificate => s_certificate.Value;

    public LogRecorder Log { get; }

    public IServiceProvider Services => _app.Services;

    /// <summary>The first address it listens on.</summary>
    public Uri Address => Addresses[0];

    /// <summary>The addresses as the application sees them (<c>app.Urls</c>).</summary>
    public ICollection<string> Urls => _app.Urls;

    public Uri[] Addresses =>
        [.. _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];

    public IPEndPoint EndPoint => IPEndPoint.Parse($"{Address.Host}:{Address.Port}");

    /// <param name="configure">Configures the builder; null is UseMptcp on 127.0.0.1.</param>
    /// <param name="map">Adds middleware and endpoints; / always tells the status.</param>
    /// <param name="configuration">Configuration keys.</param>
    /// <param name="logLevel">The level from which on is logged.</param>
    public static async Task<Server> StartAsync(
        Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? map = null,
        Dictionary<string, string?>? configuration = null, LogLevel logLevel = LogLevel.Information)
    {
        var log = new LogRecorder();
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = Environments.Production });
        builder.Configuration.AddInMemoryCollection(configuration);
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(logLevel);
        builder.WebHost.UseSetting(WebHostDefaults.ServerUrlsKey, "http://127.0.0.1:0");
        (configure ?? (b => b.WebHost.UseMptcp()))(builder);

        var app = builder.Build();
        map?.Invoke(app);
        app.MapGet("/", (HttpContext context) => context.Features.Get<IMptcpFeature>()?.Status.ToToken() ?? "absent");
        var server = new Server(app, log);
        try
        {
            await app.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task StopAsync() => _app.StopAsync();

    public HttpClient CreateClient(bool mptcp, Version? version = null) => new(Client.CreateHandler(mptcp))
    {
        BaseAddress = Address,
        DefaultRequestVersion = version ?? HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>What / says over a connection of its own.</summary>
    public async Task<string> GetStatusAsync(bool mptcp, Version? version = null)
    {
        using var client = CreateClient(mptcp, version);
        return await client.GetStringAsync("/");
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}

/// <summary>Clients that are MPTCP or TCP.</summary>
internal static class Client
{
    public static async ValueTask<Socket> ConnectAsync(EndPoint endPoint, bool mptcp, CancellationToken cancellationToken = default)
    {
        var family = endPoint.AddressFamily;
        var socket = mptcp ? MptcpSocket.Create(family) : new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            await socket.ConnectAsync(endPoint, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static SocketsHttpHandler CreateHandler(bool mptcp) => CreateHandler((endPoint, cancellationToken) => ConnectAsync(endPoint, mptcp, cancellationToken));

    public static SocketsHttpHandler CreateHandler(Func<EndPoint, CancellationToken, ValueTask<Socket>> connect) => new()
    {
        UseProxy = false,
        ConnectCallback = async (context, cancellationToken) => new NetworkStream(
            await connect(
                new IPEndPoint(
                    context.DnsEndPoint.Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(context.DnsEndPoint.Host), context.DnsEndPoint.Port),
                cancellationToken),
            ownsSocket: true),
        SslOptions = { RemoteCertificateValidationCallback = IsServersCertificate },
    };

    public static bool IsServersCertificate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate?.GetCertHashString() == Server.Certificate.GetCertHashString();
}
