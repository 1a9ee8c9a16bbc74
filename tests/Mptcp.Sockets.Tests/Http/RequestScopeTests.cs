using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets.Tests.Http;

public sealed class RequestScopeTests : IDisposable
{
    private readonly Socket _listener = Connection.Listen(IPAddress.Loopback, mptcp: false);
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { UseProxy = false }.UseMptcp());

    public RequestScopeTests() => _ = ServeAsync();

    [Fact]
    public async Task SendAsync_Afterwards_TheFlowHasNoScope()
    {
        Assert.Null(RequestScope.Current);
        RequestScope? during = null;
        using (var request = Request(_listener, () => during = RequestScope.Current))
        {
            var sending = _client.SendAsync(request, default);
            Assert.Null(RequestScope.Current);
            using var response = await sending;
        }

        Assert.NotNull(during);
        Assert.Null(RequestScope.Current);
    }

    [Fact]
    public void Send_AnsweredOrFailed_TheFlowHasTheScopeItHadBefore()
    {
        using var closed = Connection.Listen(IPAddress.Loopback, mptcp: false);
        Assert.Null(RequestScope.Current);
        RequestScope? nested = null;
        RequestScope? before = null;
        using (var outer = Request(_listener, () =>
        {
            before = RequestScope.Current;
            using (var inner = Request(_listener, () => nested = RequestScope.Current))
            using (_client.Send(inner, default))
            {
                Assert.Same(before, RequestScope.Current);
            }

            using var refused = Request(closed, () => { });
            closed.Dispose();
            Assert.Throws<HttpRequestException>(() => _client.Send(refused, default));
            Assert.Same(before, RequestScope.Current);
        }))
        {
            using var response = _client.Send(outer, default);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }

        Assert.NotNull(before);
        Assert.NotNull(nested);
        Assert.NotSame(before, nested);
        Assert.Null(RequestScope.Current);
    }

    public void Dispose()
    {
        _client.Dispose();
        _listener.Dispose();
    }

    private static HttpRequestMessage Request(Socket listener, Action whileSent) =>
        new(HttpMethod.Post, $"http://{listener.LocalEndPoint}/") { Content = new CallbackContent(whileSent) };

    /// <summary>Answers whatever ends with the body.</summary>
    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                _ = Task.Run(async () =>
                {
                    using (socket)
                    {
                        var buffer = new byte[4096];
                        while (await socket.ReceiveAsync(buffer) is var count and > 0)
                        {
                            if (buffer[count - 1] == CallbackContent.Body)
                            {
                                await socket.SendAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
                            }
                        }
                    }
                });
            }
        }
        catch (SocketException)
        {
            // The test is over.
        }
    }

    private sealed class CallbackContent(Action whileSent) : HttpContent
    {
        public const byte Body = (byte)'.';

        protected override void SerializeToStream(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            whileSent();
            stream.WriteByte(Body);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            SerializeToStream(stream, context, default);
            return Task.CompletedTask;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 1;
            return true;
        }
    }
}
