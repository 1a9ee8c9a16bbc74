using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

public sealed class WebSocketTests
{
    public WebSocketTests() => Requires.Mptcp();

    [Theory]
    [InlineData("1.1", false)]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    public async Task ClientWebSocket_ThroughTheHandler_ServerSeesMptcp(string version, bool tls)
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
                {
                    listen.Protocols = version == "2.0" ? HttpProtocols.Http2 : HttpProtocols.Http1;
                    if (tls)
                    {
                        listen.UseHttps(Server.Certificate);
                    }
                }));
            },
            app =>
            {
                app.UseWebSockets();
                app.Map("/ws", EchoAsync);
            });
        using var invoker = new HttpMessageInvoker(MptcpClient.CreateHandler().UseMptcp());
        using var socket = new ClientWebSocket();
        (socket.Options.HttpVersion, socket.Options.HttpVersionPolicy) = (Version.Parse(version), HttpVersionPolicy.RequestVersionExact);
        await socket.ConnectAsync(new UriBuilder(server.Address) { Scheme = tls ? "wss" : "ws", Path = "/ws" }.Uri, invoker, default);

        var sent = Blocks.Of(Blocks.Size).Single();
        await socket.SendAsync(sent, WebSocketMessageType.Binary, endOfMessage: true, default);
        Assert.Equal(sent.ToArray(), await ReceiveAsync(socket));

        // The connection that a WebSocket opened carries requests beside it over HTTP/2, and they know it.
        using var request = new HttpRequestMessage(HttpMethod.Get, server.Address) { Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var response = await invoker.SendAsync(request, default);
        Assert.Equal("active", await response.Content.ReadAsStringAsync());
        Assert.Equal(MptcpStatus.Active, response.GetMptcpStatus());

        Assert.Equal($"active HTTP/{(version == "2.0" ? "2" : version)}", Encoding.ASCII.GetString(await ReceiveAsync(socket)));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        await socket.SendAsync(await ReceiveAsync(socket), WebSocketMessageType.Binary, endOfMessage: true, default);
        var status = $"{context.Features.Get<IMptcpFeature>()!.Status.ToToken()} {context.Request.Protocol}";
        await socket.SendAsync(Encoding.ASCII.GetBytes(status), WebSocketMessageType.Text, endOfMessage: true, default);
        await socket.ReceiveAsync(new byte[100], default);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
    }

    private static async Task<byte[]> ReceiveAsync(WebSocket socket)
    {
        using var message = new MemoryStream();
        var buffer = new byte[4096];
        WebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(buffer, default);
            message.Write(buffer, 0, result.Count);
        }
        while (!result.EndOfMessage);
        return message.ToArray();
    }
}
