using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Counts the descriptors of this process, so nothing else may run at the time.</summary>
[CollectionDefinition(nameof(MonitorDescriptorTests), DisableParallelization = true)]
[Collection(nameof(MonitorDescriptorTests))]
public sealed class MonitorDescriptorTests
{
    [Fact]
    public async Task Dispose_ManyMonitorsInEveryState_NoDescriptorAndNoThreadIsLeft()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await OpenAndCloseAsync(host, 3);
        var before = CountSockets();
        var threads = CountThreads();
        await OpenAndCloseAsync(host, 100);
        Assert.Equal(before, CountSockets());

        // The pool may have grown; a thread for each monitor would show.
        Assert.InRange(CountThreads(), 0, threads + 50);
    }

    private static async Task OpenAndCloseAsync(NetworkNamespace host, int count)
    {
        for (var i = 0; i < count; i++)
        {
            host.Run(MptcpPathMonitor.Open).Dispose();

            using var cancellation = new CancellationTokenSource();
            using (var cancelled = host.Run(MptcpPathMonitor.Open))
            {
                var reading = ReadAsync(cancelled, cancellation.Token);
                await cancellation.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
            }

            var disposed = host.Run(MptcpPathMonitor.Open);
            var ended = ReadAsync(disposed, default);
            disposed.Dispose();
            await ended;

            Assert.False(MptcpPathMonitor.TryOpen("no_such_family", "", 4096, out _, out _));
            host.Run(() =>
            {
                MonitorSupportTests.DropCapability(12);
                return MptcpPathMonitor.TryOpen(out _, out _);
            });
        }
    }

    private static async Task ReadAsync(MptcpPathMonitor monitor, CancellationToken cancellationToken)
    {
        await foreach (var _ in monitor.ReadAllAsync(cancellationToken))
        {
        }
    }

    private static int CountSockets() => Directory.GetFiles("/proc/self/fd")
        .Count(file => new FileInfo(file).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    private static int CountThreads() => Directory.GetDirectories("/proc/self/task").Length;
}
