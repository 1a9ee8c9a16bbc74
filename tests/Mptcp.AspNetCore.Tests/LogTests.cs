using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class LogTests
{
    public LogTests() => Requires.Mptcp();

    [Fact]
    public async Task Connection_NotMptcp_OneDebugLineWithIdAndReason()
    {
        await using var server = await Server.StartAsync(logLevel: LogLevel.Debug);
        await AskThreeTimesAsync(server, mptcp: false);
        await AskThreeTimesAsync(server, mptcp: true);

        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "NotMptcp");
        Assert.Equal(LogLevel.Debug, line.Level);
        Assert.Matches("^Connection id \"[0-9A-Z]+\" does not use Multipath TCP: .*did not offer Multipath TCP\\.$", line.Message);
        Assert.Contains(server.Log.All, other => other.Category.StartsWith("Microsoft", StringComparison.Ordinal)
            && other.Message.Contains(line.Message.Split('"')[1], StringComparison.Ordinal));
    }

    [Fact]
    public async Task Connection_NobodyReadsTheFeature_IsLoggedAllTheSame()
    {
        await using var server = await Server.StartAsync(logLevel: LogLevel.Debug);
        using var client = server.CreateClient(mptcp: false);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/reads-nothing")).StatusCode);
        Assert.Single(server.Log.Ours, line => line.Event.Name == "NotMptcp");
    }

    [Theory]
    [InlineData(LogLevel.Warning)]
    [InlineData(LogLevel.Information)]
    public async Task FallbackLogLevel_Raised_IsTheLevelOfTheLine(LogLevel level)
    {
        await using var server = await Server.StartAsync(builder => builder.WebHost.UseMptcp(options => options.FallbackLogLevel = level));
        await AskThreeTimesAsync(server, mptcp: false);
        Assert.Equal(level, Assert.Single(server.Log.Ours, line => line.Event.Name == "NotMptcp").Level);
    }

    [Fact]
    public async Task Connection_LevelNotEnabled_NothingLogged()
    {
        await using var server = await Server.StartAsync();
        await AskThreeTimesAsync(server, mptcp: false);
        Assert.Equal(["MptcpOn"], server.Log.Ours.Select(line => line.Event.Name));
    }

    private static async Task AskThreeTimesAsync(Server server, bool mptcp)
    {
        using var client = server.CreateClient(mptcp);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(mptcp ? "active" : "not-negotiated", await client.GetStringAsync("/"));
        }
    }
}
