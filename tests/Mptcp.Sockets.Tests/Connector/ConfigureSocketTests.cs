using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Code of the caller's that fails in the middle.</summary>
public sealed class ConfigureSocketTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    public ConfigureSocketTests() => Requires.Mptcp();

    [Fact]
    public async Task ConnectAsync_ConfigureSocketThrows_ThatExceptionAndNoSocket()
    {
        using var destination = Destination.Open(("127.0.0.1", Manner.Mptcp));
        var opened = new OpenedSockets();
        await AssertThrowsAsync(destination, opened, throwsAt: 1);
        opened.AssertClosed(expectedCount: 1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task ConnectAsync_ConfigureSocketThrowsWhileOthersArePending_ThatExceptionAndNoSocket(int throwsAt)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Silent), ("127.0.0.3", Manner.Silent), ("127.0.0.4", Manner.Mptcp));
        var opened = new OpenedSockets();
        await AssertThrowsAsync(destination, opened, throwsAt);
        opened.AssertClosed(throwsAt);
    }

    /// <summary>
    /// The first address has connected, and before the race comes to see it the second one's ConfigureSocket throws. In vain when the first
    /// connects within the call, for the race stands still with it: then again.
    /// </summary>
    [Fact]
    public async Task ConnectAsync_ConfigureSocketThrowsAfterAnotherAddressConnected_TheConnectionCounts()
    {
        while (!await TryThrowAfterConnectedAsync())
        {
        }
    }

    /// <summary>The other way round: it has thrown, and only then the first address turns out to have connected.</summary>
    [Fact]
    public async Task ConnectAsync_ConfigureSocketThrowsBeforeAnotherAddressConnected_ThatExceptionAndNoSocket()
    {
        while (!await TryThrowBeforeConnectedAsync())
        {
        }
    }

    /// <summary>Such as a local address of one family, which the addresses of the other don't go with.</summary>
    [Fact]
    public async Task ConnectAsync_ConfigureSocketThrowsSocketException_FailsThatAddressOnly()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Mptcp));
        var opened = new OpenedSockets();
        var result = await MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = Timeout.InfiniteTimeSpan,
            Resolver = destination.ResolveAsync,
            ConfigureSocket = socket =>
            {
                opened.Add(socket);
                if (opened.Count == 1)
                {
                    throw new SocketException((int)SocketError.AddressNotAvailable);
                }
            },
        });
        using var client = result.Socket;
        Assert.Equal([MptcpConnectOutcome.Failed, MptcpConnectOutcome.Connected], result.Attempts.Select(attempt => attempt.Outcome));
        Assert.Equal(SocketError.AddressNotAvailable, Assert.IsType<SocketException>(result.Attempts[0].Error).SocketErrorCode);
        opened.AssertClosed(expectedCount: 2, butNot: client);
    }

    private static async Task<bool> TryThrowAfterConnectedAsync()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Mptcp));
        using var secondBegan = new ManualResetEventSlim();
        using var firstEnded = new ManualResetEventSlim();

        // The runtime takes back what an asynchronous method set here when it leaves it: the moment at which the first attempt is complete.
        var isInFirst = new AsyncLocal<bool>(change =>
        {
            if (change is { PreviousValue: true, CurrentValue: false })
            {
                firstEnded.Set();
            }
        });
        var opened = new OpenedSockets();

        var result = await MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            Resolver = destination.ResolveAsync,
            AttemptCompleted = _ => isInFirst.Value = secondBegan.Wait(TimeSpan.FromSeconds(5)),
            ConfigureSocket = socket =>
            {
                opened.Add(socket);
                if (opened.Count == 2)
                {
                    secondBegan.Set();
                    Assert.True(firstEnded.Wait(s_limit));
                    throw new InvalidOperationException("too late to matter");
                }
            },
        });

        using var client = result.Socket;
        if (opened.Count == 1)
        {
            return false;
        }

        using var accepted = await destination.AcceptAsync("127.0.0.2");
        opened.AssertClosed(expectedCount: 2, butNot: client);
        Connection.AssertCarries(client, accepted, "first"u8);
        return true;
    }

    private static async Task<bool> TryThrowBeforeConnectedAsync()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Silent), ("127.0.0.4", Manner.Mptcp));
        using var raceIsOver = new ManualResetEventSlim();
        var opened = new OpenedSockets();
        var connecting = MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            Resolver = destination.ResolveAsync,
            AttemptCompleted = attempt =>
            {
                if (attempt.EndPoint.Equals(destination.EndPoints[0]))
                {
                    raceIsOver.Wait(TimeSpan.FromSeconds(5));
                }
                else
                {
                    // The silent one is abandoned.
                    raceIsOver.Set();
                }
            },
            ConfigureSocket = socket =>
            {
                opened.Add(socket);
                if (opened.Count == 3)
                {
                    throw new InvalidOperationException("not with this socket");
                }
            },
        });
        var failure = await Record.ExceptionAsync(() => connecting.WaitAsync(s_limit));
        if (failure is null)
        {
            (await connecting).Socket.Dispose();
            return false;
        }

        Assert.IsType<InvalidOperationException>(failure);
        using var first = await destination.AcceptAsync("127.0.0.2");
        opened.AssertClosed(expectedCount: 3);
        return true;
    }

    private static async Task AssertThrowsAsync(Destination destination, OpenedSockets opened, int throwsAt)
    {
        var cause = new InvalidOperationException("not with this socket");
        EndPoint target = destination.Addresses.Length == 1 ? destination.EndPoints[0] : new DnsEndPoint("name.test", destination.Port);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => MptcpConnector.ConnectAsync(target, new()
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            Resolver = destination.ResolveAsync,
            ConfigureSocket = socket =>
            {
                opened.Add(socket);
                if (opened.Count == throwsAt)
                {
                    throw cause;
                }
            },
        }).WaitAsync(s_limit));
        Assert.Same(cause, failure);
    }
}
