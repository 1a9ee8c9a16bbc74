using System.Net;
using System.Net.Sockets;
using System.Text;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>What is sent beside a request, in the flow that began it, is not mistaken for the request.</summary>
public sealed class HttpScopeTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public HttpScopeTests() => Requires.Mptcp();

    [Theory]
    [InlineData(HttpVersionPolicy.RequestVersionOrLower)]
    [InlineData(HttpVersionPolicy.RequestVersionOrHigher)]
    public async Task SendAsync_InnerHandlerUsedMeanwhile_ResponseKeepsItsConnection(HttpVersionPolicy policy)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var inner = new SocketsHttpHandler { UseProxy = false };
        using var ours = new HttpMessageInvoker(inner.UseMptcp());
        using var beside = new HttpMessageInvoker(inner, disposeHandler: false);

        using var request = Request();
        var sending = ours.SendAsync(request, CancellationToken.None);
        using var first = await listener.AcceptTcpClientAsync().WaitAsync(s_patience);
        await ReadRequestAsync(first);
        var connection = request.GetMptcpConnection();
        Assert.NotNull(connection);

        // The first connection is busy, so this goes over another, which becomes the second of the same handler.
        using var otherRequest = Request();
        var sendingBeside = beside.SendAsync(otherRequest, CancellationToken.None);
        using var second = await listener.AcceptTcpClientAsync().WaitAsync(s_patience);
        await ReadRequestAsync(second);
        await AnswerAsync(second);
        using var otherResponse = await sendingBeside.WaitAsync(s_patience);
        await AnswerAsync(first);
        using var response = await sending.WaitAsync(s_patience);

        Assert.Same(connection, response.GetMptcpConnection());
        Assert.Null(otherResponse.GetMptcpConnection());

        HttpRequestMessage Request() => new(HttpMethod.Get, $"http://{listener.LocalEndpoint}/") { VersionPolicy = policy };
    }

    private static async Task ReadRequestAsync(TcpClient client)
    {
        var received = new StringBuilder();
        var buffer = new byte[1024];
        while (!received.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            var count = await client.GetStream().ReadAsync(buffer).AsTask().WaitAsync(s_patience);
            Assert.NotEqual(0, count);
            received.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }
    }

    private static async Task AnswerAsync(TcpClient client) =>
        await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
}
