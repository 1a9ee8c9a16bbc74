using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class ConcurrencyTests
{
    [Fact]
    public async Task Status_TwoHundredOfEachAtOnce_EachItsOwn()
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 400).Select(async i =>
        {
            var isMptcp = i % 2 == 0;
            return (isMptcp, Status: await server.GetStatusAsync(isMptcp));
        }));
        Assert.All(answers, answer => Assert.Equal(answer.isMptcp ? "active" : "not-negotiated", answer.Status));
    }

    [Fact]
    public async Task Abort_ManyConnectionsWhileAccepted_ServerGoesOn()
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync(logLevel: Microsoft.Extensions.Logging.LogLevel.Debug);
        await Parallel.ForAsync(0, 300, async (i, cancellationToken) =>
        {
            var socket = await Client.ConnectAsync(server.EndPoint, mptcp: i % 2 == 0, cancellationToken);
            socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
            socket.Dispose();
        });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        Assert.Equal("not-negotiated", await server.GetStatusAsync(mptcp: false));
        Assert.DoesNotContain(server.Log.Ours, line => line.Event.Name is "ConnectionDropped" or "SocketDropped");
    }
}
