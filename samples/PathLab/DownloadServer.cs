using System.Net;
using System.Security.Cryptography;
using Mptcp.AspNetCore;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace PathLab;

/// <summary>Kestrel on the server's host. It sends random bytes until it is told to end.</summary>
internal sealed class DownloadServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _end = new();
    private readonly TaskCompletionSource<Digest> _sent = new();

    private DownloadServer(WebApplication app) => _app = app;

    public IPEndPoint EndPoint { get; private set; } = null!;

    /// <summary>The feature of the connection that downloads, once it does.</summary>
    public IMptcpFeature? Connection { get; private set; }

    public static async Task<DownloadServer> StartAsync(MultipathNetwork network)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseMptcp(options => options.Mode = MptcpMode.Required);

        // A socket belongs to the host on which it is opened. An application on one host has no need of this.
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => network.Server.Run(() =>
        {
            var socket = MptcpSocket.Create(endPoint.AddressFamily);
            socket.Bind(endPoint);
            return socket;
        }));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, 80));

        var app = builder.Build();
        var server = new DownloadServer(app);
        app.Run(server.SendAsync);
        await app.StartAsync();
        server.EndPoint = new IPEndPoint(network.ServerAddress, 80);
        return server;
    }

    /// <summary>Ends the response.</summary>
    public Task<Digest> EndAsync()
    {
        _end.TrySetResult();
        return _sent.Task;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task SendAsync(HttpContext context)
    {
        try
        {
            Connection = context.Features.Get<IMptcpFeature>();
            _sent.SetResult(await SendAsync(context.Response.Body, context.RequestAborted));
        }
        catch (Exception e)
        {
            // Who waits for the end is told of this one too.
            _sent.SetException(e);
            throw;
        }
    }

    private async Task<Digest> SendAsync(Stream body, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = RandomNumberGenerator.GetBytes(1 << 16);
        long bytes = 0;
        while (!_end.Task.IsCompleted)
        {
            // Each block another one, so that a block in the wrong place is noticed.
            BitConverter.TryWriteBytes(random, bytes);
            hash.AppendData(random);
            await body.WriteAsync(random, cancellationToken);
            bytes += random.Length;
        }

        return new Digest(bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
