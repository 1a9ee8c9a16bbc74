using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Names with several addresses.</summary>
public sealed class RaceTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    public RaceTests() => Requires.Mptcp();

    [Theory]
    [InlineData("", "")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1 ::2 ::3", "::1 ::2 ::3")]
    [InlineData("::1 ::2 127.0.0.1 127.0.0.2", "::1 127.0.0.1 ::2 127.0.0.2")]
    [InlineData("127.0.0.1 127.0.0.2 127.0.0.3 ::1", "127.0.0.1 ::1 127.0.0.2 127.0.0.3")]
    [InlineData("127.0.0.1 ::1 ::2 ::3", "127.0.0.1 ::1 ::2 ::3")]
    [InlineData("127.0.0.2 ::2 127.0.0.1 ::1", "127.0.0.2 ::2 127.0.0.1 ::1")]
    public void Interleave_Addresses_FamiliesTakeTurnsFromTheFirstOn(string addresses, string expected) =>
        Assert.Equal(Parse(expected), Parse(addresses) is { Length: > 0 } parsed ? MptcpConnector.Interleave(parsed) : []);

    /// <summary>The system would go on with the first one for minutes: that it ended as abandoned shows that nobody waited for it.</summary>
    [Theory]
    [InlineData("127.0.0.2", "127.0.0.3")]
    [InlineData("::1", "127.0.0.1")]
    [InlineData("127.0.0.1", "::1")]
    public async Task ConnectAsync_SilentFirstAddress_TriesTheNextBesideItAfterTheDelay(string silent, string alive)
    {
        using var destination = Destination.Open((silent, Manner.Silent), (alive, Manner.Mptcp));
        var opened = new OpenedSockets();
        var openedAt = new ConcurrentQueue<long>();
        var options = new MptcpConnectOptions
        {
            AttemptDelay = TimeSpan.FromMilliseconds(300),
            Resolver = destination.ResolveAsync,
            ConfigureSocket = socket =>
            {
                opened.Add(socket);
                openedAt.Enqueue(Stopwatch.GetTimestamp());
            },
        };

        var result = await MptcpConnector.ConnectAsync("name.test", destination.Port, options).WaitAsync(s_limit);

        using var client = result.Socket;
        using var accepted = await destination.AcceptAsync(alive);
        Assert.Equal(destination.EndPoints, result.Attempts.Select(attempt => attempt.EndPoint));
        Assert.Equal([MptcpConnectOutcome.Abandoned, MptcpConnectOutcome.Connected], result.Attempts.Select(attempt => attempt.Outcome));
        Assert.All(result.Attempts, attempt => Assert.Null(attempt.Error));
        opened.AssertClosed(expectedCount: 2, butNot: client);
        Connection.AssertCarries(client, accepted, "alive"u8);

        // Not at once either. Timers are as coarse as the clock's ticks.
        var timestamps = openedAt.ToArray();
        Assert.InRange(Stopwatch.GetElapsedTime(timestamps[0], timestamps[1]), options.AttemptDelay - TimeSpan.FromMilliseconds(20), TimeSpan.MaxValue);
        Assert.True(result.Attempts[0].Duration > result.Attempts[1].Duration);
    }

    [Fact]
    public async Task ConnectAsync_SilentAddressAndInfiniteDelay_NeverTriesTheNext()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Silent), ("127.0.0.3", Manner.Mptcp));
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = Timeout.InfiniteTimeSpan,
            ConnectTimeout = TimeSpan.FromMilliseconds(500),
            Resolver = destination.ResolveAsync,
        }));
        Assert.Equal(destination.EndPoints[0], Assert.Single(failure.Attempts).EndPoint);
    }

    [Fact]
    public async Task ConnectAsync_RefusedFirstAddress_TriesTheNextAtOnce()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses), ("127.0.0.3", Manner.Refuses), ("127.0.0.4", Manner.Mptcp));
        var opened = new OpenedSockets();
        var result = await MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = Timeout.InfiniteTimeSpan,
            Resolver = destination.ResolveAsync,
            ConfigureSocket = opened.Add,
        }).WaitAsync(s_limit);

        using var client = result.Socket;
        Assert.Equal(
            [MptcpConnectOutcome.Failed, MptcpConnectOutcome.Failed, MptcpConnectOutcome.Connected], result.Attempts.Select(attempt => attempt.Outcome));
        Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(result.Attempts[0].Error).SocketErrorCode);
        opened.AssertClosed(expectedCount: 3, butNot: client);

        // .NET gives a socket that was refused another handle, which is not MPTCP: each attempt needs a fresh one.
        Assert.Equal(MptcpStatus.Active, result.Connection.Status);
    }

    /// <summary>
    /// The end of the first attempt is held up until the second has connected too. In vain when it connects within the call, for the race
    /// stands still with it: then again.
    /// </summary>
    [Fact]
    public async Task ConnectAsync_TwoAddressesConnectAtTheSameMoment_OneSocketStaysOpen()
    {
        while (!await TryConnectToBothAsync())
        {
        }
    }

    [Theory]
    [InlineData(AddressFamily.Unspecified)]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task ConnectAsync_Resolver_IsAskedOnceForTheNameAndTheFamily(AddressFamily family)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses), ("127.0.0.3", Manner.Mptcp));
        using var cancellation = new CancellationTokenSource();
        var asked = new ConcurrentQueue<(string, AddressFamily, CancellationToken)>();
        var result = await MptcpConnector.ConnectAsync(
            new DnsEndPoint("name.test", destination.Port, family),
            new()
            {
                Resolver = (host, asksFor, token) =>
                {
                    asked.Enqueue((host, asksFor, token));
                    return destination.ResolveAsync(host, asksFor, token);
                },
            },
            cancellation.Token);
        result.Socket.Dispose();
        Assert.Equal(2, result.Attempts.Count);
        Assert.Equal(("name.test", family, cancellation.Token), Assert.Single(asked));
    }

    /// <summary>By the system's resolver. Whether it has an IPv6 address for the name or none, an IPv4 one must not be tried.</summary>
    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task ConnectAsync_DnsEndPointOfOneFamily_TriesThatFamilyOnly(AddressFamily family)
    {
        using var listener = Connection.Listen(IPAddress.IPv6Any, mptcp: true);
        var target = new DnsEndPoint("localhost", ((IPEndPoint)listener.LocalEndPoint!).Port, family);
        var tried = new ConcurrentQueue<MptcpConnectAttempt>();
        try
        {
            var result = await MptcpConnector.ConnectAsync(target, new() { AttemptCompleted = tried.Enqueue });
            result.Socket.Dispose();
        }
        catch (MptcpConnectException e) when (family == AddressFamily.InterNetworkV6)
        {
            Assert.Contains("localhost", e.Message);
        }

        Assert.All(tried, attempt => Assert.Equal(family, attempt.EndPoint.AddressFamily));
        Assert.True(!tried.IsEmpty || family == AddressFamily.InterNetworkV6);
    }

    private static async Task<bool> TryConnectToBothAsync()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Mptcp));
        using var secondEnded = new ManualResetEventSlim();
        var told = new ConcurrentDictionary<IPEndPoint, MptcpConnectAttempt>();
        var opened = new OpenedSockets();
        var result = await MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            Resolver = destination.ResolveAsync,
            ConfigureSocket = opened.Add,
            AttemptCompleted = attempt =>
            {
                Assert.True(told.TryAdd(attempt.EndPoint, attempt));
                if (attempt.EndPoint.Equals(destination.EndPoints[0]))
                {
                    secondEnded.Wait(TimeSpan.FromSeconds(5));
                }
                else
                {
                    secondEnded.Set();
                }
            },
        });

        using var client = result.Socket;
        if (opened.Count == 1 || result.Attempts[1].Outcome == MptcpConnectOutcome.Connected)
        {
            // Or the first was overtaken before its end could be held up.
            return false;
        }

        Assert.True(secondEnded.IsSet);
        using var first = await destination.AcceptAsync("127.0.0.2");
        using var second = await destination.AcceptAsync("127.0.0.3");
        opened.AssertClosed(expectedCount: 2, butNot: client);
        Assert.Equal([MptcpConnectOutcome.Connected, MptcpConnectOutcome.Abandoned], result.Attempts.Select(attempt => attempt.Outcome));
        Assert.Equal(result.Attempts, destination.EndPoints.Select(endPoint => told[endPoint]));
        Connection.AssertCarries(client, first, "winner"u8);
        Assert.Equal(0, await second.ReceiveAsync(new byte[1]).WaitAsync(s_limit));
        return true;
    }

    private static IPAddress[] Parse(string addresses) =>
        [.. addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse)];
}
