using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Paths;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>An application on the server of a test network that sends and receives bytes and tells their hash.</summary>
internal static class MultipathServer
{
    public static Task<Server> StartAsync(
        MultipathNetwork network, Action<WebApplicationBuilder>? configure = null, bool tls = false, bool watchPaths = false) => Server.StartAsync(
        builder =>
        {
            // Before the endpoint is added: defaults hold for those that come after them.
            configure?.Invoke(builder);
            if (watchPaths)
            {
                // The events are those of the host on which the monitor is opened.
                builder.Services.AddSingleton<OpenPathMonitor>((out MptcpSupport support) =>
                {
                    (var monitor, support) = network.Server.Run(() =>
                        MptcpPathMonitor.TryOpen(out var opened, out var why) ? (opened, why) : (null, why));
                    return monitor;
                });
                builder.Services.AddMptcpPathMonitor();
            }

            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Limits.MaxRequestBodySize = null;
                kestrel.Listen(IPAddress.Any, 0, listen =>
                {
                    if (tls)
                    {
                        listen.UseHttps(Server.Certificate);
                    }
                });
            });

            // A socket belongs to the host on which it is opened.
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => network.Server.Run(() =>
            {
                var socket = MptcpSocket.Create(endPoint.AddressFamily);
                socket.Bind(endPoint);
                return socket;
            }));
        },
        Map,
        logLevel: LogLevel.Debug);

    /// <summary>Where a client on the other host finds it: on the first link.</summary>
    public static Uri AddressOf(Server server, MultipathNetwork network) =>
        new UriBuilder(server.Address) { Host = network.ServerAddress.ToString() }.Uri;

    /// <summary>Our own handler, on the other host.</summary>
    public static MptcpHttpHandler CreateHandler(MultipathNetwork network)
    {
        var sockets = new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = { RemoteCertificateValidationCallback = Client.IsServersCertificate },
        };
        var handler = sockets.UseMptcp();

        // A socket belongs to the host of the thread that opens it, and the first address is tried on the thread that calls.
        var connect = sockets.ConnectCallback!;
        sockets.ConnectCallback = (context, cancellationToken) => network.Client.Run(() => connect(context, cancellationToken));
        return handler;
    }

    private static void Map(WebApplication app)
    {
        app.UseMptcpStatusHeader();
        app.UseWebSockets();

        app.MapGet("/download/{count:long}", async (HttpContext context, long count) =>
        {
            foreach (var block in Blocks.Of(count))
            {
                await context.Response.Body.WriteAsync(block);
            }
        });
        app.MapPost("/upload", async (HttpContext context) =>
            await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body))));
        app.Map("/ws/{count:long}", async (HttpContext context, long count) =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            foreach (var block in Blocks.Of(count))
            {
                await socket.SendAsync(block, WebSocketMessageType.Binary, endOfMessage: true, default);
            }

            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
        });
    }
}

/// <summary>Random bytes, each block another one, so that a block in the wrong place is noticed.</summary>
internal static class Blocks
{
    public const int Size = 1 << 16;

    private static readonly byte[] s_random = RandomNumberGenerator.GetBytes(Size);

    /// <summary>The same bytes each time, in a buffer that is used again.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Of(long count)
    {
        var block = (byte[])s_random.Clone();
        for (long sent = 0; sent < count; sent += Size)
        {
            BitConverter.TryWriteBytes(block, sent);
            yield return block.AsMemory(0, (int)Math.Min(Size, count - sent));
        }
    }

    public static string HashOf(long count)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var block in Of(count))
        {
            hash.AppendData(block.Span);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
