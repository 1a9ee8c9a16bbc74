using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>An application that never asks which connection a response came over can do without it, and then pays nothing for it.</summary>
public sealed class TrackResponsesTests
{
    public TrackResponsesTests() => Requires.Mptcp();

    [Theory]
    [InlineData("1.1", false)]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    public async Task TrackResponses_Off_ConnectionIsMptcpAndStatusUnknown(string version, bool synchronous)
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(Server.Certificate);
            }));
        });
        using var client = MptcpClient.Create(options => options.TrackResponses = false);
        for (var i = 0; i < 2; i++)
        {
            using var request = MptcpClient.Request(server.Address, Version.Parse(version));
            using var response = synchronous && version == "1.1" ? client.Send(request) : await client.SendAsync(request);
            Assert.Equal("active", await response.Content.ReadAsStringAsync());
            Assert.Equal(MptcpStatus.Unknown, response.GetMptcpStatus());
            Assert.Null(response.GetMptcpConnection());
            Assert.Null(request.GetMptcpConnection());
            Assert.Empty(request.Options);
        }
    }

    [Fact]
    public void TrackResponses_Off_LeavesThePlaintextStreamFilterAlone()
    {
        Func<SocketsHttpPlaintextStreamFilterContext, CancellationToken, ValueTask<Stream>> own = (context, _) => ValueTask.FromResult(context.PlaintextStream);
        using var handler = MptcpClient.CreateHandler();
        handler.PlaintextStreamFilter = own;
        using var wrapper = handler.UseMptcp(new MptcpConnectOptions { TrackResponses = false });
        Assert.Same(own, handler.PlaintextStreamFilter);
    }

    [Fact]
    public async Task TrackResponses_OffForAClientOfTheFactory_IsItsOwn()
    {
        await using var server = await Server.StartAsync();
        await using var services = new ServiceCollection()
            .ConfigureHttpClientDefaults(client => client.UseMptcp())
            .AddHttpClient("busy").UseMptcp(options => options.TrackResponses = false).Services
            .BuildServiceProvider();
        foreach (var (name, expected) in new[] { ("busy", MptcpStatus.Unknown), ("other", MptcpStatus.Active) })
        {
            using var client = services.GetRequiredService<IHttpClientFactory>().CreateClient(name);
            using var response = await client.GetAsync(server.Address);
            Assert.Equal(("active", expected), (await response.Content.ReadAsStringAsync(), response.GetMptcpStatus()));
        }
    }
}
