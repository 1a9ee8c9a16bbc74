using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>The caller cancels. With a time limit the connector has a token of its own, which is not the one that the caller knows.</summary>
public sealed class CancellationTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    public CancellationTests() => Requires.Mptcp();

    [Theory]
    [InlineData(false, "127.0.0.1")]
    [InlineData(true, "127.0.0.1")]
    [InlineData(false, "127.0.0.1", "127.0.0.2")]
    [InlineData(true, "127.0.0.1", "127.0.0.2")]
    public async Task ConnectAsync_CancelledBefore_ThrowsAndLeavesNoSocket(bool hasTimeout, params string[] addresses)
    {
        using var destination = Destination.Open([.. addresses.Select(address => (address, Manner.Mptcp))]);
        var opened = new OpenedSockets();
        var cancelled = new CancellationToken(canceled: true);
        foreach (var target in new EndPoint[] { destination.EndPoints[0], new DnsEndPoint("name.test", destination.Port) })
        {
            var options = CreateOptions(hasTimeout, opened, destination.ResolveAsync);
            var failure = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MptcpConnector.ConnectAsync(target, options, cancelled));
            Assert.Equal(cancelled, failure.CancellationToken);
        }

        opened.AssertClosed(opened.Count);
    }

    [Theory]
    [InlineData(false, "127.0.0.2")]
    [InlineData(true, "127.0.0.2")]
    [InlineData(false, "127.0.0.2", "127.0.0.3", "::1")]
    [InlineData(true, "127.0.0.2", "127.0.0.3", "::1")]
    public async Task ConnectAsync_CancelledWhileConnecting_ThrowsAndLeavesNoSocket(bool hasTimeout, params string[] addresses)
    {
        using var destination = Destination.Open([.. addresses.Select(address => (address, Manner.Silent))]);
        using var cancellation = new CancellationTokenSource();
        var opened = new OpenedSockets();
        var options = CreateOptions(hasTimeout, opened, destination.ResolveAsync);
        var connecting = MptcpConnector.ConnectAsync("name.test", destination.Port, options, cancellation.Token);
        await opened.WaitForAsync(addresses.Length);

        await cancellation.CancelAsync();

        var failure = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(s_limit));
        Assert.Equal(cancellation.Token, failure.CancellationToken);
        opened.AssertClosed(addresses.Length);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task ConnectAsync_CancelledWhileResolving_ThrowsAtOnce(bool hasTimeout, bool resolverTakesNotice)
    {
        using var cancellation = new CancellationTokenSource();
        var opened = new OpenedSockets();
        var connecting = MptcpConnector.ConnectAsync(
            "name.test",
            443,
            CreateOptions(hasTimeout, opened, async (_, _, token) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, resolverTakesNotice ? token : default);
                return [];
            }),
            cancellation.Token);
        Assert.False(connecting.IsCompleted);

        await cancellation.CancelAsync();

        var failure = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(s_limit));
        Assert.Equal(cancellation.Token, failure.CancellationToken);
        opened.AssertClosed(expectedCount: 0);
    }

    /// <summary>Cancelled between the connection and the end of the attempt: nobody holds the socket yet.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ConnectAsync_CancelledWhenConnected_ReturnsTheSocketOrClosesIt(bool hasTimeout)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Silent));
        using var cancellation = new CancellationTokenSource();
        var opened = new OpenedSockets();
        var options = CreateOptions(hasTimeout, opened, destination.ResolveAsync);
        var outcomes = new List<MptcpConnectOutcome>();
        options.AttemptCompleted = attempt =>
        {
            lock (outcomes)
            {
                outcomes.Add(attempt.Outcome);
            }

            cancellation.Cancel();
        };
        MptcpConnectResult? result = null;
        try
        {
            result = await MptcpConnector.ConnectAsync("name.test", destination.Port, options, cancellation.Token);
        }
        catch (OperationCanceledException e)
        {
            Assert.Equal(cancellation.Token, e.CancellationToken);
        }

        using var client = result?.Socket;
        opened.AssertClosed(opened.Count, [.. client is null ? Array.Empty<Socket>() : [client]]);

        // What was told stays true.
        Assert.Equal(client is null ? 0 : 1, outcomes.Count(outcome => outcome == MptcpConnectOutcome.Connected));
    }

    private static MptcpConnectOptions CreateOptions(
        bool hasTimeout, OpenedSockets opened, Func<string, AddressFamily, CancellationToken, Task<IPAddress[]>> resolver)
    {
        return new MptcpConnectOptions
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            ConnectTimeout = hasTimeout ? TimeSpan.FromMinutes(10) : Timeout.InfiniteTimeSpan,
            ConfigureSocket = opened.Add,
            Resolver = resolver,
        };
    }
}
