using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Mptcp.AspNetCore.Tests.Clients;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Drain;

/// <summary>What is in flight when the server gets SIGTERM comes to its end, as it does with stock Kestrel.</summary>
public sealed class DrainTests
{
    // More than the buffers of both kernels hold: the server is still sending, or receiving, when it is told to stop.
    private const int Count = 64_000_000;
    private const int LineCount = 100;

    public DrainTests() => Requires.Mptcp();

    [Theory]
    [InlineData(TestServerProcess.Stock, false)]
    [InlineData(TestServerProcess.Mptcp, false)]
    [InlineData(TestServerProcess.Mptcp, true)]
    public async Task Terminate_EverythingInFlight_FinishesAndExitsWithZero(string transport, bool mptcpClient)
    {
        using var server = await TestServerProcess.StartAsync(transport, ["--Http", "0", "--H2c", "0", "--ShutdownTimeout", "120"]);
        using HttpMessageHandler handler = mptcpClient ? MptcpClient.CreateHandler().UseMptcp() : MptcpClient.CreateHandler();
        using var client = new HttpClient(handler, disposeHandler: false);
        var (http1, http2) = (server.Addresses[0], server.Addresses[1]);
        Assert.Equal(
            transport == TestServerProcess.Stock ? "absent" : mptcpClient ? "active" : "not-negotiated",
            (await client.GetStringAsync(new Uri(http1, "/connection"))).Split(' ')[1]);

        // All of them begun, and none of them done.
        var terminated = new TaskCompletionSource();
        using var download1 = await Reading.BeginAsync(client, new Uri(http1, $"/bytes/{Count}"), HttpVersion.Version11);
        using var download2 = await Reading.BeginAsync(client, new Uri(http2, $"/bytes/{Count}"), HttpVersion.Version20);
        using var lines1 = await Reading.BeginAsync(client, new Uri(http1, $"/lines/{LineCount}/30"), HttpVersion.Version11);
        using var lines2 = await Reading.BeginAsync(client, new Uri(http2, $"/lines/{LineCount}/30"), HttpVersion.Version20);
        using var events1 = await Reading.BeginAsync(client, new Uri(http1, "/events"), HttpVersion.Version11);
        using var events2 = await Reading.BeginAsync(client, new Uri(http2, "/events"), HttpVersion.Version20);
        var upload1 = await UploadAsync(client, http1, HttpVersion.Version11, terminated.Task);
        var upload2 = await UploadAsync(client, http2, HttpVersion.Version20, terminated.Task);
        using var socket = new ClientWebSocket();
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        await socket.ConnectAsync(new UriBuilder(http1) { Scheme = "ws", Path = "/echo" }.Uri, invoker, default);
        await EchoAsync(socket, endOfMessage: false);

        await server.Program.TerminateAsync();
        await Wait.UntilAsync(() => IsRefused(http1) && IsRefused(http2));
        Assert.False(server.Program.HasExited);
        terminated.SetResult();

        // The message that had begun is echoed to its end before the server closes.
        await EchoAsync(socket, endOfMessage: true);
        var closed = await socket.ReceiveAsync(new ArraySegment<byte>(new byte[10]), default);
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.EndpointUnavailable), (closed.MessageType, socket.CloseStatus));
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        Assert.Equal(WebSocketState.Closed, socket.State);

        var bodies = await Task.WhenAll(new[] { download1, download2, lines1, lines2, events1, events2 }.Select(reading => reading.FinishAsync()));
        Assert.All(bodies[..2], body => Assert.True(body.AsSpan().SequenceEqual(Pattern(Count)), $"{body.Length} bytes, or not those that were sent"));
        Assert.All(bodies[2..4], body => Assert.Equal(string.Concat(Enumerable.Range(1, LineCount).Select(i => $"{i}\n")), Text(body)));
        Assert.All(bodies[4..], body =>
        {
            var events = Text(body).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal([.. Enumerable.Range(1, events.Length - 1).Select(i => $"data: {i}"), "data: bye"], events);
        });
        var expected = $"{Count} {Convert.ToHexString(SHA256.HashData(Pattern(Count)))}";
        Assert.Equal([expected, expected], await Task.WhenAll(upload1, upload2));
        Assert.True(await server.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)) == 0, server.Program.Error);
    }

    /// <summary>Half of the body is sent, and the rest when the task ends.</summary>
    /// <returns>The outer task when the half is under way; the inner one gives the answer.</returns>
    private static async Task<Task<string>> UploadAsync(HttpClient client, Uri server, Version version, Task goOn)
    {
        var half = new TaskCompletionSource();
        var content = new BodyContent(async stream =>
        {
            var body = Pattern(Count);
            await stream.WriteAsync(body.AsMemory(0, Count / 2));
            await stream.FlushAsync();
            half.SetResult();
            await goOn;
            await stream.WriteAsync(body.AsMemory(Count / 2));
        });
        var answer = SendAsync();
        await Task.WhenAny(half.Task, answer);
        Assert.False(answer.IsCompleted);
        return answer;

        async Task<string> SendAsync()
        {
            using var request = MptcpClient.Request(new Uri(server, "/upload"), version, HttpMethod.Post, content);
            using var response = await client.SendAsync(request);
            return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
        }
    }

    private static async Task EchoAsync(ClientWebSocket socket, bool endOfMessage)
    {
        var sent = RandomNumberGenerator.GetBytes(20_000);
        await socket.SendAsync(sent, WebSocketMessageType.Binary, endOfMessage, default);
        var received = new byte[sent.Length];
        for (var length = 0; length < sent.Length;)
        {
            var part = await socket.ReceiveAsync(received.AsMemory(length), default);
            Assert.Equal(WebSocketMessageType.Binary, part.MessageType);
            length += part.Count;
        }

        Assert.Equal(sent, received);
    }

    private static bool IsRefused(Uri address)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, address.Port);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
        {
            // Reset: it stopped listening while this one connected.
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    private static string Text(byte[] body) => System.Text.Encoding.ASCII.GetString(body);

    /// <summary>What the server sends, byte for byte.</summary>
    private static byte[] Pattern(int count)
    {
        var all = new byte[count];
        for (var i = 0; i < count; i++)
        {
            all[i] = (byte)(i % 251);
        }

        return all;
    }

    /// <summary>A response of which the first byte was read.</summary>
    private sealed class Reading(HttpResponseMessage response, Stream stream) : IDisposable
    {
        private readonly MemoryStream _body = new();

        public static async Task<Reading> BeginAsync(HttpClient client, Uri address, Version version)
        {
            using var request = MptcpClient.Request(address, version);
            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal((HttpStatusCode.OK, version), (response.StatusCode, response.Version));
            var reading = new Reading(response, await response.Content.ReadAsStreamAsync());
            reading._body.WriteByte((byte)reading.ReadByte());
            return reading;
        }

        public async Task<byte[]> FinishAsync()
        {
            await stream.CopyToAsync(_body);
            return _body.ToArray();
        }

        public void Dispose() => response.Dispose();

        private int ReadByte() => stream.ReadByte();
    }

    private sealed class BodyContent(Func<Stream, Task> write) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
