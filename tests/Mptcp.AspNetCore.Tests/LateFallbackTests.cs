using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>A connection that begins as MPTCP and goes on as TCP, for a middlebox removes the options. Alone, so that it seldom ends instead.</summary>
[Collection(nameof(MultipathTests))]
public sealed class LateFallbackTests
{
    public LateFallbackTests()
    {
        Requires.Namespaces();
        Requires.Programs("nft");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public Task Status_ActiveThenFallback_FellBackAtTheLatestOneSecondAfter(bool onFirstData) => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        await using var server = await StartAsync(hosts);
        using var client = await ConnectAsync(hosts, server);
        var address = $"http://{server.EndPoint}/";

        if (onFirstData)
        {
            // Accepted and read as active before the first byte came: the log asks at accept.
            await Wait.UntilAsync(() => server.Services.GetRequiredService<IMptcpConnections>().Count == 1);
            Assert.DoesNotContain(server.Log.Ours, line => line.Event.Name == "NotMptcp");
        }
        else
        {
            Assert.Equal("active", await client.GetStringAsync(address));
        }

        await hosts.StripMptcpOptionsAsync();

        // The data that carries the fallback, and from then on a second.
        if (await GetAsync(client, address) is (_, { } ended))
        {
            return ended;
        }

        var clock = Stopwatch.StartNew();
        string status;
        do
        {
            var asked = clock.Elapsed;
            status = await client.GetStringAsync(address);
            Assert.True(status == "fell-back" || asked < TimeSpan.FromSeconds(1), $"{status} when asked {asked} after the fallback");
        }
        while (status != "fell-back");

        Assert.Equal("fell-back", await client.GetStringAsync(address));
        using var header = await client.GetAsync(address);
        Assert.Equal(["fell-back"], header.Headers.GetValues("Mptcp-Status"));
        using var rejected = await client.GetAsync(address + "strict");
        Assert.Equal(HttpStatusCode.Forbidden, rejected.StatusCode);
        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "NotMptcp");
        Assert.Contains("fell back to TCP", line.Message);
        return null;
    });

    /// <summary>Something reads the status when the connection is accepted, here the log, and the answer is less than a second old.</summary>
    [Fact]
    public Task Require_OptionsLostBeforeTheFirstData_RejectsTheFirstRequest() => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        await using var server = await StartAsync(hosts);
        using var client = await ConnectAsync(hosts, server);
        await Wait.UntilAsync(() => server.Services.GetRequiredService<IMptcpConnections>().Count == 1);
        Assert.Equal(MptcpStatus.Active, server.Services.GetRequiredService<IMptcpConnections>().GetSnapshot()[0].Mptcp.Status);
        await hosts.StripMptcpOptionsAsync();
        try
        {
            using var response = await client.GetAsync($"http://{server.EndPoint}/strict");
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            return null;
        }
        catch (HttpRequestException e)
        {
            return $"{e}";
        }
    });

    [Fact]
    public Task Examine_FallbackSeen_CountedInTheVerdict() => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        await using var server = await StartAsync(hosts);
        using var client = await ConnectAsync(hosts, server);
        await Wait.UntilAsync(() => server.Services.GetRequiredService<IMptcpConnections>().Count == 1);
        Assert.StartsWith("1 of 1 connection since start speak Multipath TCP; ", Examine().Verdict);

        await hosts.StripMptcpOptionsAsync();
        if (await GetAsync(client, $"http://{server.EndPoint}/") is (_, { } ended))
        {
            return ended;
        }

        await Wait.UntilAsync(async () => await client.GetStringAsync($"http://{server.EndPoint}/") == "fell-back");
        var report = Examine();
        Assert.StartsWith("0 of 1 connection since start speak Multipath TCP, and 1 began with it and fell back to TCP; ", report.Verdict);
        Assert.Equal((1, 1, 1), (report.Facts.Connections!.Accepted, report.Facts.Connections.Negotiated, report.Facts.Connections.FellBack));
        return null;

        MptcpHostReport Examine() => hosts.Server.Run(() => MptcpDoctor.ExamineAsync(server.Services).Result);
    });

    [Theory]
    [InlineData("info")]
    [InlineData("subflows")]
    public Task Status_FallbackSeenByAnotherRead_FellBackAtOnce(string read) => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        await using var server = await StartAsync(hosts);
        using var client = await ConnectAsync(hosts, server);
        Assert.Equal("active", await client.GetStringAsync($"http://{server.EndPoint}/{read}"));
        await hosts.StripMptcpOptionsAsync();

        // This request is the data that carries the fallback, and reads before it asks for the status.
        var (status, ended) = await GetAsync(client, $"http://{server.EndPoint}/{read}");
        if (ended is not null)
        {
            return ended;
        }

        Assert.Equal("fell-back", status);
        Assert.Single(server.Log.Ours, line => line.Event.Name == "NotMptcp");
        return null;
    });

    /// <returns>The answer, or what was said where the connection ended instead.</returns>
    private static async Task<(string? Answer, string? Ended)> GetAsync(HttpClient client, string address)
    {
        try
        {
            return (await client.GetStringAsync(address), null);
        }
        catch (HttpRequestException e)
        {
            return (null, $"{e}");
        }
    }

    private static async Task<Server> StartAsync(MultipathNetwork hosts) => await Server.StartAsync(
        builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(hosts.ServerAddress, 0));
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => hosts.Server.Run(() =>
            {
                var socket = MptcpSocket.Create(endPoint.AddressFamily);
                socket.Bind(endPoint);
                return socket;
            }));
        },
        app =>
        {
            app.UseMptcpStatusHeader();
            app.MapGet("/info", (HttpContext context) =>
            {
                context.Features.Get<IMptcpFeature>()!.TryGetInfo(out _);
                return context.Features.Get<IMptcpFeature>()!.Status.ToToken();
            });
            app.MapGet("/subflows", (HttpContext context) =>
            {
                _ = context.Features.Get<IMptcpFeature>()!.GetSubflows();
                return context.Features.Get<IMptcpFeature>()!.Status.ToToken();
            });
            app.MapGet("/strict", () => "yes").RequireMptcp();
        },
        logLevel: LogLevel.Debug);

    /// <summary>A client with one connection, which is established before the first request.</summary>
    private static async Task<HttpClient> ConnectAsync(MultipathNetwork hosts, Server server)
    {
        var socket = hosts.Client.Run(() => MptcpSocket.Create(AddressFamily.InterNetwork));
        await socket.ConnectAsync(server.EndPoint);
        var used = 0;
        return new HttpClient(Client.CreateHandler((_, _) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref used));
            return ValueTask.FromResult(socket);
        }));
    }
}
