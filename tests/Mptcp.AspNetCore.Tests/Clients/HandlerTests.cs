using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>What else a SocketsHttpHandler has and does beside UseMptcp.</summary>
public sealed class HandlerTests
{
    private static readonly TimeSpan s_forEver = TimeSpan.FromSeconds(60);

    public HandlerTests() => Requires.Mptcp();

    [Fact]
    public void UseMptcp_Twice_IsRefused()
    {
        using var handler = new SocketsHttpHandler();
        using var first = handler.UseMptcp();
        var refusal = Assert.Throws<InvalidOperationException>(handler.UseMptcp);
        Assert.Contains("has a ConnectCallback already, and UseMptcp would replace it", refusal.Message);
    }

    [Fact]
    public void UseMptcp_ConnectCallbackOfTheApplication_IsRefusedAndKept()
    {
        using var handler = new SocketsHttpHandler();
        Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> own = (_, _) => throw new NotSupportedException();
        handler.ConnectCallback = own;
        Assert.Throws<InvalidOperationException>(() => handler.UseMptcp(new MptcpConnectOptions()));
        Assert.Same(own, handler.ConnectCallback);
        Assert.Null(handler.PlaintextStreamFilter);
    }

    [Fact]
    public async Task UseMptcp_OptionsChangedAfterwards_AreTheOnesGiven()
    {
        await using var server = await Server.StartAsync();
        var options = new MptcpConnectOptions();
        using var client = new HttpClient(MptcpClient.CreateHandler().UseMptcp(options));
        options.Mode = MptcpMode.Disabled;
        Assert.Equal("active", await client.GetStringAsync(server.Address));
    }

    [Theory]
    [InlineData("1.1", false)]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    public async Task PlaintextStreamFilter_OfTheApplication_IsCalledAndItsStreamIsUsed(string version, bool tls)
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (tls)
                {
                    listen.UseHttps(Server.Certificate);
                }
            }));
        });
        CountingStream? counting = null;
        var handler = MptcpClient.CreateHandler();
        handler.PlaintextStreamFilter = (context, _) =>
        {
            counting = new CountingStream(context.PlaintextStream);
            return ValueTask.FromResult<Stream>(counting);
        };
        using var client = new HttpClient(handler.UseMptcp());
        using var request = MptcpClient.Request(server.Address, Version.Parse(version));
        using var response = await client.SendAsync(request);
        Assert.Equal("active", await response.Content.ReadAsStringAsync());
        Assert.Equal(MptcpStatus.Active, response.GetMptcpStatus());
        Assert.True(counting!.BytesWritten > 0);
        Assert.True(counting.BytesRead > 0);
    }

    [Fact]
    public async Task ConnectTimeout_NobodyAnswers_AsPlainSocketsHttpHandler()
    {
        // Its queue is full, and the kernel drops what else knocks.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        using var queued = await Client.ConnectAsync(listener.LocalEndPoint!, mptcp: false);

        var uri = new Uri($"http://{listener.LocalEndPoint}/");
        var limit = TimeSpan.FromMilliseconds(300);
        var plain = await FailAsync(MptcpClient.CreateHandler(), uri, limit);
        var ours = await FailAsync(handler => handler.UseMptcp(), MptcpClient.CreateHandler(), uri, limit);
        Assert.IsType<TaskCanceledException>(ours);
        Assert.IsType<TimeoutException>(ours.InnerException);
        Assert.Equal(plain.GetType(), ours.GetType());
        Assert.Equal(plain.InnerException?.GetType(), ours.InnerException.GetType());
        Assert.Equal(plain.InnerException?.Message, ours.InnerException.Message);
    }

    [Fact]
    public async Task SendAsync_PortRefused_ConnectionErrorWithTheAttemptInside()
    {
        var port = Ports.Free(1)[0];
        var uri = new Uri($"http://127.0.0.1:{port}/");
        var plain = Assert.IsType<HttpRequestException>(await FailAsync(MptcpClient.CreateHandler(), uri));
        var ours = Assert.IsType<HttpRequestException>(await FailAsync(handler => handler.UseMptcp(), MptcpClient.CreateHandler(), uri));
        Assert.Equal(HttpRequestError.ConnectionError, ours.HttpRequestError);
        Assert.Equal(plain.HttpRequestError, ours.HttpRequestError);
        var inner = Assert.IsType<MptcpConnectException>(ours.InnerException);
        Assert.Equal(SocketError.ConnectionRefused, inner.SocketErrorCode);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, port), Assert.Single(inner.Attempts).EndPoint);
        Assert.Contains($"127.0.0.1:{port}: Connection refused", ours.Message);
    }

    [Fact]
    public async Task SendAsync_NameThatDoesNotResolve_AsPlainSocketsHttpHandler()
    {
        var uri = new Uri("http://does-not-exist.invalid/");

        // A resolver that is out of reach for a moment says another error than before.
        await Wait.UntilAsync(async () =>
        {
            var plain = Assert.IsType<HttpRequestException>(await FailAsync(MptcpClient.CreateHandler(), uri));
            var ours = Assert.IsType<HttpRequestException>(await FailAsync(handler => handler.UseMptcp(), MptcpClient.CreateHandler(), uri));
            Assert.Equal(plain.HttpRequestError, ours.HttpRequestError);
            return Assert.IsType<SocketException>(plain.InnerException).SocketErrorCode
                == Assert.IsType<MptcpConnectException>(ours.InnerException).SocketErrorCode;
        });
    }

    [Fact]
    public async Task SendAsync_ResolverSaysNoSuchHost_NameResolutionError()
    {
        var options = new MptcpConnectOptions { Resolver = (_, _, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)) };
        var failure = Assert.IsType<HttpRequestException>(
            await FailAsync(handler => handler.UseMptcp(options), MptcpClient.CreateHandler(), new Uri("http://does-not-exist.invalid/")));
        Assert.Equal(HttpRequestError.NameResolutionError, failure.HttpRequestError);
        Assert.Contains("does-not-exist.invalid", Assert.IsType<MptcpConnectException>(failure.InnerException).Message);
    }

    private static Task<Exception> FailAsync(SocketsHttpHandler handler, Uri uri, TimeSpan? connectTimeout = null) =>
        FailAsync(plain => plain, handler, uri, connectTimeout);

    private static async Task<Exception> FailAsync(
        Func<SocketsHttpHandler, HttpMessageHandler> use, SocketsHttpHandler handler, Uri uri, TimeSpan? connectTimeout = null)
    {
        handler.ConnectTimeout = connectTimeout ?? s_forEver;
        using var client = new HttpClient(use(handler)) { Timeout = s_forEver };
        return await Assert.ThrowsAnyAsync<Exception>(() => client.GetStringAsync(uri));
    }
}
