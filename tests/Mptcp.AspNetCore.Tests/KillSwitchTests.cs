using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary><c>Mptcp:Mode</c> <c>Disabled</c> switches everything off, whatever code and endpoints ask for.</summary>
public sealed class KillSwitchTests
{
    public KillSwitchTests() => Requires.Mptcp();

    public static TheoryData<string, Action<IWebHostBuilder>, Dictionary<string, string?>> DisabledBy => new()
    {
        { "code", web => web.UseMptcp(options => options.Mode = MptcpMode.Disabled), [] },
        { "configuration", web => web.UseMptcp(), new() { ["Mptcp:Mode"] = "disabled" } },
        { "the value of the section", web => web.UseMptcp(), new() { ["Mptcp"] = "disabled" } },
        { "the value of the section over its Mode", web => web.UseMptcp(), new() { ["Mptcp"] = "Disabled", ["Mptcp:Mode"] = "Required" } },
        { "Mode over the value of the section", web => web.UseMptcp(), new() { ["Mptcp"] = "Preferred", ["Mptcp:Mode"] = "Disabled" } },
        { "configuration against code", web => web.UseMptcp(options => options.Mode = MptcpMode.Required), new() { ["Mptcp:Mode"] = "Disabled" } },
        {
            "configuration against an endpoint",
            web => web.UseMptcp().ConfigureKestrel(kestrel => kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, 0) { Mode = MptcpMode.Required })),
            new() { ["Mptcp:Mode"] = "Disabled" }
        },
        {
            "configuration against rejection",
            web => web.UseMptcp(options => options.Fallback = MptcpFallback.Reject), new() { ["Mptcp:Mode"] = "Disabled" }
        },
    };

    [Theory]
    [MemberData(nameof(DisabledBy))]
    public async Task Mode_Disabled_PlainTcpForEverybody(string by, Action<IWebHostBuilder> configure, Dictionary<string, string?> configuration)
    {
        Assert.NotEmpty(by);
        await using var server = await Server.StartAsync(builder => configure(builder.WebHost), configuration: configuration);
        Assert.Equal("unavailable", await server.GetStatusAsync(mptcp: true));
        Assert.Equal("unavailable", await server.GetStatusAsync(mptcp: false));
        var line = Assert.Single(server.Log.Ours, line => line.Event.Name != "DemandsLifted");
        Assert.Equal((LogLevel.Information, "MptcpDisabled"), (line.Level, line.Event.Name));
    }

    [Fact]
    public async Task Mode_DisabledAndEndpointsDemandMptcp_OneWarningNamesThem()
    {
        var ports = Ports.Free(4);
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
                    new MptcpEndPoint(IPAddress.Loopback, ports[0]) { Fallback = MptcpFallback.Reject }));
            },
            configuration: new()
            {
                ["Mptcp:Mode"] = "Disabled",
                ["Kestrel:Endpoints:Required:Url"] = $"http://127.0.0.1:{ports[1]}",
                ["Kestrel:Endpoints:Required:Mptcp"] = "Required",
                ["Kestrel:Endpoints:Free:Url"] = $"http://127.0.0.1:{ports[2]}",
                ["Kestrel:Endpoints:Off:Url"] = $"http://127.0.0.1:{ports[3]}",
                ["Kestrel:Endpoints:Off:Mptcp:Mode"] = "Disabled",
                ["Kestrel:Endpoints:Off:Mptcp:Fallback"] = "Reject",
            });
        Assert.Equal(["MptcpDisabled", "DemandsLifted"], server.Log.Ours.Select(line => line.Event.Name));
        var line = server.Log.Ours[1];
        Assert.Equal((LogLevel.Warning, 28), (line.Level, line.Event.Id));
        Assert.Contains(
            $"127.0.0.1:{Math.Min(ports[0], ports[1])}, 127.0.0.1:{Math.Max(ports[0], ports[1])}", line.Message);
        Assert.DoesNotContain($":{ports[2]}", line.Message);
        Assert.DoesNotContain($":{ports[3]}", line.Message);
    }

    [Theory]
    [InlineData("Disabled", "Accept", 0)]
    [InlineData("Disabled", "Reject", 1)]
    [InlineData("Preferred", "Reject", 0)]
    public async Task Mode_GlobalRejection_WarnsOnlyWhereItIsLifted(string mode, string fallback, int warnings)
    {
        await using var server = await Server.StartAsync(configuration: new() { ["Mptcp:Mode"] = mode, ["Mptcp:Fallback"] = fallback });
        Assert.Equal(warnings, server.Log.Ours.Count(line => line.Level == LogLevel.Warning));
        Assert.All(server.Log.Ours.Where(line => line.Level == LogLevel.Warning), line => Assert.Contains($"{server.EndPoint}", line.Message));
    }
}
