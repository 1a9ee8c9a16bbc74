using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>What the server was asked, and how much of the body it sent.</summary>
internal sealed class FileRequest(HttpContext context)
{
    public string Protocol { get; } = context.Request.Protocol;

    public string? Range { get; } = context.Request.Headers.Range;

    public string? IfRange { get; } = context.Request.Headers.IfRange;

    public long BytesSent { get; set; }
}

/// <summary>What happens after so many bytes of a body.</summary>
internal sealed record Interruption(long After, Func<HttpContext, Task> What)
{
    /// <summary>Nothing more comes.</summary>
    public static Interruption Stall(long after) => new(after, context => Task.Delay(Timeout.Infinite, context.RequestAborted));

    /// <summary>The connection is cut off, when the client has written so much.</summary>
    public static Interruption Abort(long after, DownloadFolder folder, string part = "file.bin.part") => new(after, async context =>
    {
        await folder.UntilLengthAsync(part, after);
        context.Abort();
    });
}

/// <summary>An application with one file, in whole and in parts, at every address that ends in .bin.</summary>
internal sealed class FileServer : IAsyncDisposable
{
    private readonly IPAddress _address;
    private Server _server = null!;

    private FileServer(IPAddress address) => _address = address;

    public byte[] Content { get; set; } = RandomNumberGenerator.GetBytes(4_000_000);

    public string? ETag { get; set; } = "\"one\"";

    public DateTimeOffset? LastModified { get; set; }

    public bool HasRanges { get; set; } = true;

    /// <summary>Of the next bodies, one of each.</summary>
    public ConcurrentQueue<Interruption> Interruptions { get; } = new();

    /// <summary>Answers in place of the file, to one request each; null is the file.</summary>
    public ConcurrentQueue<RequestDelegate?> Answers { get; } = new();

    public ConcurrentQueue<FileRequest> Requests { get; } = new();

    public string Hash => Convert.ToHexString(SHA256.HashData(Content));

    public string Url => $"{_server.Address.Scheme}://{Host}/file.bin";

    public string Host => $"{_address}:{_server.Address.Port}";

    /// <param name="mptcp">Whether it speaks Multipath TCP.</param>
    /// <param name="certificate">For TLS; null is without.</param>
    /// <param name="network">Runs on the server of it; null is this machine's loopback.</param>
    public static async Task<FileServer> StartAsync(bool mptcp = true, X509Certificate2? certificate = null, MultipathNetwork? network = null)
    {
        var files = new FileServer(network?.ServerAddress ?? IPAddress.Loopback);
        files._server = await Server.StartAsync(
            builder =>
            {
                if (mptcp)
                {
                    builder.WebHost.UseMptcp();
                }

                if (network is not null)
                {
                    // A socket belongs to the host on which it is opened.
                    builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => network.Server.Run(() =>
                    {
                        var socket = MptcpSocket.Create(endPoint.AddressFamily);
                        socket.Bind(endPoint);
                        return socket;
                    }));
                }

                builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(files._address, 0, listen =>
                {
                    if (certificate is not null)
                    {
                        listen.UseHttps(certificate);
                    }
                }));
            },
            app =>
            {
                app.Map("/elsewhere", (HttpContext context) => context.Response.Redirect("/file.bin"));
                app.Map("/loop", (HttpContext context) => context.Response.Redirect("/loop"));
                app.Map("/{file:regex(\\.bin$)}", files.ServeAsync);
            },
            logLevel: LogLevel.None);
        return files;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        var request = new FileRequest(context);
        Requests.Enqueue(request);
        Interruptions.TryDequeue(out var interruption);
        context.Response.Body = new MeteredBody(context, request, interruption);
        if (Answers.TryDequeue(out var answer) && answer is not null)
        {
            await answer(context);
            return;
        }

        var tag = ETag is null ? null : EntityTagHeaderValue.Parse(ETag);
        await Results.Bytes(Content, "application/octet-stream", enableRangeProcessing: HasRanges, lastModified: LastModified, entityTag: tag).ExecuteAsync(context);
    }

    private sealed class MeteredBody(HttpContext context, FileRequest request, Interruption? interruption) : Stream
    {
        private readonly Stream _inner = context.Response.Body;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (interruption is { } cut && request.BytesSent + buffer.Length >= cut.After)
            {
                var before = buffer[..(int)(cut.After - request.BytesSent)];
                interruption = null;
                await WriteAsync(before, cancellationToken);
                await _inner.FlushAsync(cancellationToken);
                await cut.What(context);
                buffer = buffer[before.Length..];
            }

            await _inner.WriteAsync(buffer, cancellationToken);
            request.BytesSent += buffer.Length;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
