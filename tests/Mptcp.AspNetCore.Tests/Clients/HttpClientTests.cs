using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>HttpClient over Multipath TCP, and what its responses say beside what the server saw.</summary>
public sealed class HttpClientTests
{
    private const int BodySize = 3_000_000;

    public HttpClientTests() => Requires.Mptcp();

    /// <summary>The version, TLS, and whether the server speaks Multipath TCP.</summary>
    public static TheoryData<string, bool, bool> Protocols { get; } = new(
        from version in new[] { "1.1", "2.0" }
        from tls in new[] { false, true }
        from mptcp in new[] { true, false }
        select (version, tls, mptcp));

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task SendAsync_EveryProtocol_StatusAsTheServerSeesItAndBodiesIntact(string version, bool tls, bool mptcp)
    {
        await using var server = await StartAsync(version, tls, mptcp);
        using var client = MptcpClient.Create();

        // The second and the third are on the pooled connection of the first.
        foreach (var path in new[] { "/", "/download", "/" })
        {
            using var request = MptcpClient.Request(new Uri(server.Address, path), Version.Parse(version));
            using var response = await client.SendAsync(request);
            await CheckAsync(response, version, mptcp, path == "/download" ? Blocks.HashOf(BodySize) : null);
        }

        using var upload = MptcpClient.Request(new Uri(server.Address, "/upload"), Version.Parse(version), HttpMethod.Post, new BlocksContent());
        using var uploaded = await client.SendAsync(upload);
        Assert.Equal(Blocks.HashOf(BodySize), await uploaded.Content.ReadAsStringAsync());
        Assert.Equal(mptcp ? MptcpStatus.Active : MptcpStatus.FellBack, uploaded.GetMptcpStatus());
        Assert.Equal(mptcp, uploaded.GetMptcpConnection()!.TryGetInfo(out _));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task Send_Synchronous_StatusAsTheServerSeesIt(bool tls, bool mptcp)
    {
        await using var server = await StartAsync("1.1", tls, mptcp);
        using var client = MptcpClient.Create();
        foreach (var path in new[] { "/", "/download", "/" })
        {
            using var request = MptcpClient.Request(new Uri(server.Address, path), HttpVersion.Version11);
            using var response = client.Send(request);
            await CheckAsync(response, "1.1", mptcp, path == "/download" ? Blocks.HashOf(BodySize) : null);
        }
    }

    [Theory]
    [InlineData(MptcpMode.Preferred, "active", MptcpStatus.Active)]
    [InlineData(MptcpMode.Required, "active", MptcpStatus.Active)]
    [InlineData(MptcpMode.Disabled, "not-negotiated", MptcpStatus.Unavailable)]
    public async Task Mode_Each_BothEndsSaySo(MptcpMode mode, string serverSays, MptcpStatus expected)
    {
        await using var server = await Server.StartAsync();
        using var client = MptcpClient.Create(options => options.Mode = mode);
        using var response = await client.GetAsync(server.Address);
        Assert.Equal(serverSays, await response.Content.ReadAsStringAsync());
        Assert.Equal(expected, response.GetMptcpStatus());
    }

    [Fact]
    public async Task GetMptcpStatus_HandlerWithoutItsWrapper_IsUnknownAndTheConnectionIsMptcp()
    {
        await using var server = await Server.StartAsync();
        using var handler = MptcpClient.CreateHandler();
        using var wrapper = handler.UseMptcp();
        using var client = new HttpClient(handler);
        using var response = await client.GetAsync(server.Address);
        Assert.Equal("active", await response.Content.ReadAsStringAsync());
        Assert.Equal(MptcpStatus.Unknown, response.GetMptcpStatus());
        Assert.Null(response.GetMptcpConnection());
    }

    [Fact]
    public async Task Connection_ByDefault_HasNoDelayAsSocketsHttpHandlerSetsIt()
    {
        await using var server = await Server.StartAsync();
        Socket? socket = null;
        using var client = MptcpClient.Create(options => options.ConfigureSocket = opened => socket = opened);
        Assert.Equal("active", await client.GetStringAsync(server.Address));
        Assert.True(socket!.NoDelay);
    }

    private static async Task CheckAsync(HttpResponseMessage response, string version, bool mptcp, string? hash)
    {
        Assert.Equal(Version.Parse(version), response.Version);
        Assert.Equal(mptcp ? MptcpStatus.Active : MptcpStatus.FellBack, response.GetMptcpStatus());
        if (hash is null)
        {
            Assert.Equal(mptcp ? "active" : "absent", await response.Content.ReadAsStringAsync());
        }
        else
        {
            Assert.Equal(hash, Convert.ToHexString(await SHA256.HashDataAsync(await response.Content.ReadAsStreamAsync())));
        }
    }

    private static Task<Server> StartAsync(string version, bool tls, bool mptcp) => Server.StartAsync(
        builder =>
        {
            if (mptcp)
            {
                builder.WebHost.UseMptcp();
            }

            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                // With TLS the client is to choose.
                listen.Protocols = tls ? HttpProtocols.Http1AndHttp2 : version == "2.0" ? HttpProtocols.Http2 : HttpProtocols.Http1;
                if (tls)
                {
                    listen.UseHttps(Server.Certificate);
                }
            }));
        },
        app =>
        {
            app.MapGet("/download", async (HttpContext context) =>
            {
                foreach (var block in Blocks.Of(BodySize))
                {
                    await context.Response.Body.WriteAsync(block);
                }
            });
            app.MapPost("/upload", async (HttpContext context) =>
                await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body))));
        });

    private sealed class BlocksContent : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var block in Blocks.Of(BodySize))
            {
                await stream.WriteAsync(block);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
