using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>What <see cref="MptcpConnection"/> remembers.</summary>
public sealed class ConnectionMemoryTests
{
    public ConnectionMemoryTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true, true, MptcpStatus.Active, 1)]
    [InlineData(false, true, MptcpStatus.FellBack, null)]
    [InlineData(false, false, MptcpStatus.Unavailable, null)]
    public void Status_OfAClient_AsTheKernelSays(bool listenerMptcp, bool clientMptcp, MptcpStatus status, int? subflows)
    {
        using var sockets = Connection.Establish(listenerMptcp, clientMptcp);
        var connection = new Recorder(sockets.Client);
        Assert.Equal(status, connection.Status);
        Assert.Equal(StatusLadder.HasMptcpInfo() ? subflows : null, connection.SubflowCount);
        Assert.Equal(status == MptcpStatus.Active && StatusLadder.HasMptcpInfo(), connection.TryGetInfo(out _));
        Assert.Equal(connection.SubflowCount ?? 0, connection.GetSubflows().Count);
        Assert.Equal(status == MptcpStatus.Active ? [] : [status], connection.Settled);
        Assert.Empty(connection.Unexpected);
    }

    [Theory]
    [InlineData(true, true, MptcpStatus.Active)]
    [InlineData(false, true, MptcpStatus.FellBack)]
    [InlineData(false, false, MptcpStatus.Unavailable)]
    public void Status_ClosedAfterItWasAsked_TheLastAnswer(bool listenerMptcp, bool clientMptcp, MptcpStatus status)
    {
        using var sockets = Connection.Establish(listenerMptcp, clientMptcp);
        var connection = new Recorder(sockets.Client);
        Assert.Equal(status, connection.Status);
        var subflows = connection.SubflowCount;
        sockets.Client.Dispose();

        // These ask, whatever is remembered, and can't learn anything.
        Assert.False(connection.TryGetInfo(out _));
        Assert.Empty(connection.GetSubflows());

        Assert.Equal(status, connection.Status);
        Assert.Equal(subflows, connection.SubflowCount);
        Assert.Equal(status == MptcpStatus.Active ? [] : [status], connection.Settled);
        Assert.Empty(connection.Unexpected);
    }

    [Fact]
    public void Status_NotConnectedThenConnected_UnknownIsNotKept()
    {
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: false);
        using var socket = MptcpSocket.Create(AddressFamily.InterNetwork);
        var connection = new Recorder(socket);
        Assert.Equal(MptcpStatus.Unknown, connection.Status);
        Assert.Empty(connection.Settled);
        socket.Connect(listener.LocalEndPoint!);

        // Remembered for a second like any answer that can change; to read the figures asks at once.
        Assert.False(connection.TryGetInfo(out _));

        Assert.Equal(MptcpStatus.FellBack, connection.Status);
        Assert.Equal([MptcpStatus.FellBack], connection.Settled);
    }

    [Fact]
    public void Status_ClosedBeforeItWasAsked_Unknown()
    {
        using var sockets = Connection.Establish();
        var connection = new Recorder(sockets.Client);
        sockets.Client.Dispose();
        Assert.Equal(MptcpStatus.Unknown, connection.Status);
        Assert.Null(connection.SubflowCount);
        Assert.False(connection.TryGetInfo(out _));
        Assert.Empty(connection.GetSubflows());
        Assert.Empty(connection.Settled);
        Assert.Empty(connection.Unexpected);
    }

    /// <summary>Many threads ask in every way while the connection falls back: it settles once, and no thread sees the way back.</summary>
    [Fact]
    public Task Status_FallbackWhileManyThreadsAsk_SettlesOnce() => LateFallback.UntilItHappensAsync(async () =>
    {
        Requires.Namespaces();
        Requires.Programs("nft");
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        using var sockets = Connection.Establish(hosts);
        sockets.AssertEchoes(1000);
        var connection = new Recorder(sockets.Accepted);
        Assert.Equal(MptcpStatus.Active, connection.Status);

        using var started = new CountdownEvent(8);
        using var end = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var asking = Enumerable.Range(0, started.InitialCount).Select(i => Task.Factory.StartNew(
            () => AskUntilSettled(connection, i, started, end.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        started.Wait();
        if (await sockets.FallBackAsync(hosts) is { } ended)
        {
            await end.CancelAsync();
            await Task.WhenAny(Task.WhenAll(asking));
            return ended;
        }

        await Task.WhenAll(asking);

        Assert.Equal(MptcpStatus.FellBack, connection.Status);
        Assert.Equal([MptcpStatus.FellBack], connection.Settled);
        Assert.Empty(connection.Unexpected);
        return null;
    });

    /// <summary>
    /// A thread that asked before the fallback and comes to remember its answer after another thread's. The moment between can't be hit from
    /// outside, so the answer is handed in.
    /// </summary>
    [Theory]
    [InlineData(MptcpStatus.Active)]
    [InlineData(MptcpStatus.Unknown)]
    [InlineData(MptcpStatus.FellBack)]
    public void Status_StaleAnswerAfterTheFallback_StaysFellBack(MptcpStatus stale)
    {
        using var sockets = Connection.Establish(listenerMptcp: false);
        var connection = new Recorder(sockets.Client);
        Assert.Equal(MptcpStatus.FellBack, connection.Status);

        Remember(connection, new MptcpReading(stale), Environment.TickCount64);

        Assert.Equal(MptcpStatus.FellBack, connection.Status);
        Assert.Equal([MptcpStatus.FellBack], connection.Settled);
    }

    /// <summary>A thread that asked while the connection was active and comes to remember its answer after another thread's refusal.</summary>
    [Fact]
    public void Status_OlderAnswerAfterARefusal_StaysUnknown()
    {
        using var sockets = Connection.Establish();
        var connection = new Recorder(sockets.Client);
        Assert.Equal(MptcpStatus.Active, connection.Status);
        var now = Environment.TickCount64 + 1;
        Remember(connection, new MptcpReading(MptcpStatus.Unknown, default, 0, Errno.EPERM), now + 1);
        Assert.Equal(MptcpStatus.Unknown, connection.Status);

        Remember(connection, new MptcpReading(MptcpStatus.Active), now);
        Assert.Equal(MptcpStatus.Unknown, connection.Status);

        // A fallback is final, whoever saw it when.
        Remember(connection, new MptcpReading(MptcpStatus.FellBack), now);
        Assert.Equal(MptcpStatus.FellBack, connection.Status);
        Assert.Equal([Errno.EPERM], connection.Unexpected);
    }

    [Fact]
    public void Constructor_Null_Throws() => Assert.Throws<ArgumentNullException>(() => new MptcpConnection(null!));

    private static void Remember(MptcpConnection connection, MptcpReading reading, long askedAt) =>
        typeof(MptcpConnection).GetMethod("Remember", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(connection, [reading, askedAt]);

    private static void AskUntilSettled(MptcpConnection connection, int way, CountdownEvent started, CancellationToken end)
    {
        var first = true;
        MptcpStatus status;
        do
        {
            end.ThrowIfCancellationRequested();
            switch (way % 3)
            {
                case 0:
                    connection.TryGetInfo(out _);
                    break;

                case 1:
                    _ = connection.GetSubflows();
                    break;
            }

            status = connection.Status;
            if (first)
            {
                started.Signal();
                first = false;
            }
        }
        while (status != MptcpStatus.FellBack);

        // Some more, when others still come with what they asked before.
        for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 50;)
        {
            connection.TryGetInfo(out _);
            Assert.Equal(MptcpStatus.FellBack, connection.Status);
        }
    }

    private sealed class Recorder(Socket socket) : MptcpConnection(socket)
    {
        public ConcurrentQueue<MptcpStatus> Settled { get; } = new();

        public ConcurrentQueue<int> Unexpected { get; } = new();

        protected override void OnSettled(MptcpStatus status) => Settled.Enqueue(status);

        protected override void OnUnexpected(in MptcpReading reading) => Unexpected.Enqueue(reading.Errno);
    }
}
