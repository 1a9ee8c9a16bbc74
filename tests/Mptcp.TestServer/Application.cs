using System.Diagnostics.Metrics;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Runtime;
using System.Security.Cryptography;
using Mptcp.AspNetCore;
using Mptcp.Sockets;

namespace Mptcp.TestServer;

/// <summary>What the server answers. Every body can be checked by who gets it.</summary>
internal static class Application
{
    private const int Chunk = 64 * 1024;

    private const string AcceptErrors = "mptcp.server.accept.errors";
    private const string Pooled = "aspnetcore.memory_pool.pooled";

    private static readonly byte[] s_hello = "Hello, World!"u8.ToArray();

    // Each byte of a body is the remainder of its position divided by 251, a prime: bytes out of place are seen.
    private static readonly byte[] s_pattern = [.. Enumerable.Range(0, 251 + Chunk).Select(i => (byte)(i % 251))];

    private static readonly MeterListener s_listener = new();

    private static long s_acceptErrors;
    private static long s_pooled;

    public static void Map(WebApplication app)
    {
        Listen(countPools: app.Configuration.GetValue("CountPools", false));
        app.MapGet("/", HelloAsync);
        app.MapGet("/bytes/{count:long}", SendBytesAsync);
        app.MapPost("/upload", UploadAsync);
        app.MapGet("/lines/{count:int}/{milliseconds:int}", SendLinesAsync);
        app.MapGet("/events", SendEventsAsync);
        app.MapGet("/echo", EchoAsync);
        app.MapGet("/connection", TellConnectionAsync);
        app.MapGet("/strict", HelloAsync).RequireMptcp();
        app.MapGet("/figures", TellFiguresAsync);
    }

    private static void Listen(bool countPools)
    {
        s_listener.InstrumentPublished = (instrument, listener) =>
        {
            // Each request changes what is pooled: who measures requests does not want it counted.
            if (instrument.Name == AcceptErrors || (instrument.Name == Pooled && countPools))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        s_listener.SetMeasurementEventCallback<long>((instrument, count, _, _) =>
            Interlocked.Add(ref instrument.Name == AcceptErrors ? ref s_acceptErrors : ref s_pooled, count));
        s_listener.Start();
    }

    private static Task HelloAsync(HttpContext context)
    {
        context.Response.ContentLength = s_hello.Length;
        return context.Response.Body.WriteAsync(s_hello).AsTask();
    }

    private static async Task SendBytesAsync(HttpContext context)
    {
        var count = long.Parse((string)context.Request.RouteValues["count"]!, CultureInfo.InvariantCulture);
        context.Response.ContentLength = count;
        for (long sent = 0; sent < count;)
        {
            var length = (int)Math.Min(Chunk, count - sent);
            await context.Response.Body.WriteAsync(s_pattern.AsMemory((int)(sent % 251), length), context.RequestAborted);
            sent += length;
        }
    }

    /// <summary>The length of the body and its SHA-256.</summary>
    private static async Task UploadAsync(HttpContext context)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long length = 0;
        ReadResult read;
        do
        {
            read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
            foreach (var part in read.Buffer)
            {
                hash.AppendData(part.Span);
                length += part.Length;
            }

            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
        }
        while (!read.IsCompleted);

        await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{length} {Convert.ToHexString(hash.GetHashAndReset())}"));
    }

    /// <summary>Numbered lines, so many milliseconds apart, whatever happens to the host meanwhile.</summary>
    private static async Task SendLinesAsync(HttpContext context)
    {
        var count = int.Parse((string)context.Request.RouteValues["count"]!, CultureInfo.InvariantCulture);
        var pause = int.Parse((string)context.Request.RouteValues["milliseconds"]!, CultureInfo.InvariantCulture);
        for (var i = 1; i <= count; i++)
        {
            await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{i}\n"), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(pause, context.RequestAborted);
        }
    }

    /// <summary>Numbers as server-sent events, until the client goes or the host stops: then the last event is "bye".</summary>
    private static async Task SendEventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        for (var i = 1; !stopping.IsCancellationRequested; i++)
        {
            await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"data: {i}\n\n"), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(10, context.RequestAborted);
        }

        await context.Response.WriteAsync("data: bye\n\n", context.RequestAborted);
    }

    /// <summary>When the host stops, the message that has begun is echoed to its end, and then the socket is closed.</summary>
    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var stopping = new TaskCompletionSource();
        using var registration = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);
        var buffer = new byte[Chunk];
        var isBetweenMessages = true;
        var isClosing = false;
        while (true)
        {
            var receiving = socket.ReceiveAsync(new ArraySegment<byte>(buffer), context.RequestAborted);

            // Not by cancelling what is being received: that aborts the socket.
            if (isBetweenMessages && !isClosing && await Task.WhenAny(receiving, stopping.Task) == stopping.Task && !receiving.IsCompleted)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, context.RequestAborted);
                isClosing = true;
            }

            var received = await receiving;
            if (received.MessageType == WebSocketMessageType.Close)
            {
                if (!isClosing)
                {
                    await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
                }

                return;
            }

            isBetweenMessages = received.EndOfMessage;
            if (!isClosing)
            {
                await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted);
            }
        }
    }

    /// <summary>Whose connection it is and what it speaks: "10.0.0.2:40000 active", or "absent" where there is no feature.</summary>
    private static Task TellConnectionAsync(HttpContext context)
    {
        var status = context.Features.Get<IMptcpFeature>()?.Status.ToToken() ?? "absent";
        return context.Response.WriteAsync(
            string.Create(CultureInfo.InvariantCulture, $"{context.Connection.RemoteIpAddress}:{context.Connection.RemotePort} {status}"));
    }

    /// <summary>What the process holds, when everything that nobody needs is collected; <c>?collect=false</c> leaves it as it is.</summary>
    private static Task TellFiguresAsync(HttpContext context)
    {
        if (context.Request.Query["collect"] != "false")
        {
            for (var i = 0; i < 3; i++)
            {
                GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                GC.WaitForPendingFinalizers();
            }
        }

        var figures = new ProcessFigures(
            Descriptors: Directory.GetFileSystemEntries("/proc/self/fd").Length,
            Threads: Directory.GetDirectories("/proc/self/task").Length,
            Heap: GC.GetTotalMemory(forceFullCollection: false) - Interlocked.Read(ref s_pooled),
            Resident: Environment.WorkingSet,
            Processor: (long)Environment.CpuUsage.TotalTime.TotalMilliseconds,
            Connections: context.RequestServices.GetService<IMptcpConnections>()?.Count ?? -1,
            AcceptErrors: Interlocked.Read(ref s_acceptErrors));
        return context.Response.WriteAsJsonAsync(figures, context.RequestAborted);
    }
}
