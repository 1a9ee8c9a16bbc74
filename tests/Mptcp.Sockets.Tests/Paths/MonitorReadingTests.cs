using System.Globalization;
using System.Net.Sockets;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Waiting, cancelling, closing and coming too late.</summary>
public sealed class MonitorReadingTests
{
    public MonitorReadingTests() => Requires.Namespaces();

    [Fact]
    public async Task ReadAllAsync_BufferOverrun_EventsLostAfterTheOldEventsAndBeforeTheNewAndOn()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(() => Open(receiveBufferSize: 16_384));
        for (var round = 0; round < 3; round++)
        {
            var first = host.Run(ConnectOnce);
            Overrun(host);

            // No event follows here: the loss is told without waiting for one.
            var before = await ReadUntilAsync(monitor, pathEvent => pathEvent.Kind == MptcpPathEventKind.EventsLost);
            Assert.InRange(before.Count, 4, 400);
            Assert.Contains(before[0].Token, first);
            Assert.Equal(MptcpPathEventKind.ConnectionCreated, before[0].Kind);
            Assert.Null(before[^1].Token);

            var last = host.Run(ConnectOnce);
            var after = await ReadUntilAsync(monitor, pathEvent => pathEvent.Kind == MptcpPathEventKind.ConnectionClosed && last.Contains(pathEvent.Token), count: 2);
            Assert.Equal(6, after.Count(pathEvent => last.Contains(pathEvent.Token)));

            // The end of a connection may be told late: a program that another test starts may hold it until it runs.
            Assert.All(
                after.Where(pathEvent => !last.Contains(pathEvent.Token)), pathEvent => Assert.Equal(MptcpPathEventKind.ConnectionClosed, pathEvent.Kind));
        }

        Assert.Equal(0, monitor.MalformedMessages);
    }

    [Fact]
    public async Task ReadAllAsync_FasterThanReadForALongTime_EventsLostAgainAndAgainAndOn()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(() => Open(receiveBufferSize: 4096));
        using var flooding = new CancellationTokenSource();
        var flood = Task.Run(() => host.Run(() =>
        {
            while (!flooding.IsCancellationRequested)
            {
                ConnectOnce();
            }

            return 0;
        }));

        // Slow enough to be overrun again and again.
        var lost = 0;
        for (var i = 0; i < 2000 && lost < 20; i++)
        {
            lost += (await ReadUntilAsync(monitor, _ => true)).Count(pathEvent => pathEvent.Kind == MptcpPathEventKind.EventsLost);
            await Task.Delay(1);
        }

        await flooding.CancelAsync();
        await flood;
        Assert.Equal(20, lost);

        // What comes after all that was lost is told again.
        var last = new HashSet<uint?>();
        await Wait.UntilAsync(async () =>
        {
            last.UnionWith(host.Run(ConnectOnce));
            return (await ReadUntilAsync(monitor, _ => true))[0] is { Token: { } token } && last.Contains(token);
        });
    }

    [Fact]
    public async Task ReadAllAsync_BufferNeverEmptyAfterAnOverrun_EventsLostAllTheSame()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(() => Open(receiveBufferSize: 16_384));
        var pathEvent = await ReadToAGapThatIsNotToldYetAsync(host, monitor);

        // From here on six events come for six that are read.
        for (var i = 2; i < 300 && pathEvent.Kind != MptcpPathEventKind.EventsLost; i++)
        {
            if (i % 6 == 0)
            {
                host.Run(ConnectOnce);
            }

            pathEvent = (await ReadUntilAsync(monitor, _ => true))[0];
        }

        Assert.Equal(MptcpPathEventKind.EventsLost, pathEvent.Kind);
    }

    [Fact]
    public async Task ReadAllAsync_SecondOverrunBeforeTheFirstIsTold_BothTold()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(() => Open(receiveBufferSize: 16_384));
        await ReadToAGapThatIsNotToldYetAsync(host, monitor);
        Overrun(host);

        Assert.Equal(MptcpPathEventKind.EventsLost, (await ReadUntilAsync(monitor, _ => true))[0].Kind);
        Assert.InRange((await ReadUntilAsync(monitor, pathEvent => pathEvent.Kind == MptcpPathEventKind.EventsLost)).Count, 4, 400);
    }

    [Fact]
    public async Task Open_EventsBeforeTheReading_AreKept()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(MptcpPathMonitor.Open);
        const int Connections = 500;
        host.Run(() =>
        {
            for (var i = 0; i < Connections; i++)
            {
                ConnectOnce();
            }

            return 0;
        });

        var events = await ReadUntilAsync(monitor, pathEvent => pathEvent.Kind == MptcpPathEventKind.ConnectionClosed, count: 2 * Connections);
        Assert.DoesNotContain(events, pathEvent => pathEvent.Kind == MptcpPathEventKind.EventsLost);
        Assert.Equal(2 * Connections, events.Count(pathEvent => pathEvent.Kind == MptcpPathEventKind.ConnectionCreated));
    }

    [Fact]
    public async Task ReadAllAsync_Cancelled_EndsAtOnceAndGoesOnLater()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(MptcpPathMonitor.Open);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadUntilAsync(monitor, _ => true, cancellationToken: new CancellationToken(canceled: true)));

        for (var i = 0; i < 20; i++)
        {
            using var cancellation = new CancellationTokenSource();
            var reading = ReadUntilAsync(monitor, _ => false, cancellationToken: cancellation.Token);
            await Task.Delay(5);
            Assert.False(reading.IsCompleted);
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(TimeSpan.FromSeconds(30)));
        }

        var tokens = host.Run(ConnectOnce);
        Assert.Contains((await ReadUntilAsync(monitor, _ => true))[0].Token, tokens);

        // What was not taken from the first enumeration is in the next.
        Assert.Equal(5, (await ReadUntilAsync(monitor, pathEvent => pathEvent.Kind == MptcpPathEventKind.ConnectionClosed, count: 2)).Count);
    }

    [Fact]
    public async Task ReadAllAsync_TwoAtATime_SecondRefused()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(MptcpPathMonitor.Open);
        using var cancellation = new CancellationTokenSource();
        var reading = ReadUntilAsync(monitor, _ => false, cancellationToken: cancellation.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadUntilAsync(monitor, _ => true));
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task Dispose_WhileReadingOrBefore_ReadingEndsWithoutAnError()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        var monitor = host.Run(MptcpPathMonitor.Open);
        var reading = ReadUntilAsync(monitor, _ => false);
        await Task.Delay(20);
        Assert.False(reading.IsCompleted);
        monitor.Dispose();
        Assert.Empty(await reading.WaitAsync(TimeSpan.FromSeconds(30)));
        monitor.Dispose();
        Assert.Empty(await ReadUntilAsync(monitor, _ => true));
    }

    [Fact]
    public async Task ReadAllAsync_MessageOfAnotherProcess_RefusedByTheKernel()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        using var monitor = host.Run(MptcpPathMonitor.Open);

        // Columns: address, protocol, and the port that netlink calls pid.
        var port = (await host.ExecuteAsync("cat", "/proc/net/netlink")).Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns is [_, "16", not "0", ..])
            .Select(columns => uint.Parse(columns[2], CultureInfo.InvariantCulture))
            .Single();
        Assert.Equal(0, host.Run(() => (GenericNetlink.Open(out var handle), handle)) is var (errno, other) ? errno : -1);
        using var forger = new Socket(other!);
        byte[] address = [16, 0, 0, 0, .. BitConverter.GetBytes(port), 0, 0, 0, 0];
        Assert.Equal(0, LibC.Connect(other!, address));

        forger.Send(new byte[64], SocketFlags.None, out var error);
        Assert.Equal(SocketError.ConnectionRefused, error);
    }

    private static MptcpPathMonitor Open(int receiveBufferSize)
    {
        Assert.True(
            MptcpPathMonitor.TryOpen(
                NetlinkConstants.MPTCP_PM_NAME, NetlinkConstants.MPTCP_PM_EV_GRP_NAME, receiveBufferSize, out var monitor, out var support),
            support.ToString());
        return monitor;
    }

    /// <summary>A connection that comes and goes: created, established and closed on both ends.</summary>
    private static uint?[] ConnectOnce()
    {
        using var connection = Connection.Establish();
        connection.AssertEchoes(1);
        Assert.True(MptcpSocket.TryGetInfo(connection.Client, out var client));
        Assert.True(MptcpSocket.TryGetInfo(connection.Accepted, out var accepted));
        return [client.Token, accepted.Token];
    }

    private static void Overrun(NetworkNamespace host)
    {
        for (var i = 0; i < 100; i++)
        {
            host.Run(ConnectOnce);
        }
    }

    /// <summary>
    /// Overruns the buffer and reads the old events. What the kernel takes again, once the last of them is read, is there before
    /// the next reading, which thus does not see the buffer empty. The end of a connection may be told late.
    /// </summary>
    private static async Task<MptcpPathEvent> ReadToAGapThatIsNotToldYetAsync(NetworkNamespace host, MptcpPathMonitor monitor)
    {
        Overrun(host);
        var sinceOverrun = new HashSet<uint?>();
        while (true)
        {
            sinceOverrun.UnionWith(host.Run(ConnectOnce));
            var pathEvent = (await ReadUntilAsync(monitor, _ => true))[0];
            Assert.NotEqual(MptcpPathEventKind.EventsLost, pathEvent.Kind);
            if (sinceOverrun.Contains(pathEvent.Token))
            {
                return pathEvent;
            }
        }
    }

    private static async Task<List<MptcpPathEvent>> ReadUntilAsync(
        MptcpPathMonitor monitor, Predicate<MptcpPathEvent> isLast, int count = 1, CancellationToken cancellationToken = default)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var events = new List<MptcpPathEvent>();
        await foreach (var pathEvent in monitor.ReadAllAsync(either.Token))
        {
            events.Add(pathEvent);
            if (isLast(pathEvent) && --count == 0)
            {
                break;
            }
        }

        return events;
    }
}
