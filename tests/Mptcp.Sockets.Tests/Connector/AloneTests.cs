using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Counts what the whole process has open, and takes away its descriptors, so nothing else may run at the time.</summary>
[CollectionDefinition(nameof(AloneTests), DisableParallelization = true)]
[Collection(nameof(AloneTests))]
public sealed partial class AloneTests
{
    private const int RLIMIT_NOFILE = 7;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    public AloneTests() => Requires.Mptcp();

    [Fact]
    public async Task ConnectAsync_ManyConnections_OneDescriptorForEach()
    {
        const int Count = 50;
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: true);
        (await MptcpConnector.ConnectAsync(listener.LocalEndPoint!)).Socket.Dispose();
        var before = ListDescriptors();
        var sockets = new List<Socket>();
        for (var i = 0; i < Count; i++)
        {
            sockets.Add((await MptcpConnector.ConnectAsync(listener.LocalEndPoint!)).Socket);
        }

        // Nobody accepts: these are the client's alone.
        Assert.Equal(before.Length + Count, ListDescriptors().Length);
        sockets.ForEach(socket => socket.Dispose());
        await WaitForDescriptorsAsync(before);
    }

    /// <summary>No reason for TCP. With one left a TCP socket could be opened, and the MPTCP one not.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    public async Task ConnectAsync_DescriptorsExhausted_SaysSo(int left, bool byName)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Mptcp));
        EndPoint target = byName ? new DnsEndPoint("name.test", destination.Port) : destination.EndPoints[0];
        var options = new MptcpConnectOptions { Resolver = destination.ResolveAsync };

        // What the runtime opens on the way must be open before.
        (await MptcpConnector.ConnectAsync(target, options)).Socket.Dispose();
        using (var refused = Destination.Open(("127.0.0.2", Manner.Refuses)))
        {
            await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync(refused.EndPoints[0]));
        }

        Exception? failure;
        using (ExhaustDescriptors(left))
        {
            failure = await Record.ExceptionAsync(() => MptcpConnector.ConnectAsync(target, options));
        }

        var exception = Assert.IsType<MptcpConnectException>(failure);
        Assert.Equal(SocketError.TooManyOpenSockets, exception.SocketErrorCode);
        Assert.Equal(byName ? 2 : 1, exception.Attempts.Count);
        Assert.All(exception.Attempts, attempt => Assert.Null(attempt.Unavailable));
        (await MptcpConnector.ConnectAsync(target, options)).Socket.Dispose();
    }

    [Fact]
    public async Task ConnectAsync_TenThousandTimesAndHalfOfThemCancelled_NothingIsLeft()
    {
        const int Seed = 20261122;
        const int Count = 10_000;
        using var destination = Destination.Open(
            ("127.0.0.2", Manner.Mptcp), ("127.0.0.3", Manner.Mptcp), ("127.0.0.4", Manner.Mptcp), ("127.0.0.5", Manner.Mptcp));
        using var silent = Destination.Open(("127.0.0.6", Manner.Silent), ("127.0.0.7", Manner.Silent));
        using var end = new CancellationTokenSource();
        var serving = destination.Addresses.Select(address => ServeAsync(destination, $"{address}", end.Token)).ToArray();
        using var churn = new Churn(destination, silent, Seed);

        // The pool, the engine of the sockets and the code are as large as they get.
        await churn.RunAsync(Count / 10);
        var (descriptors, threads, memory) = await SettleAsync();
        churn.Forget();

        await churn.RunAsync(Count);

        TestContext.Current.TestOutputHelper!.WriteLine($"seed {Seed}: {churn}");
        churn.AssertOfEachKind(Count / 100);
        await WaitForDescriptorsAsync(descriptors);

        // A thread for each two hundred connections would show, and 20 bytes for each connection: less than any object.
        Assert.InRange(CountThreads(), 0, threads + (Count / 200));
        var clock = Stopwatch.StartNew();
        while (GC.GetTotalMemory(forceFullCollection: true) is var now && now > memory + (Count * 20))
        {
            Assert.True(clock.Elapsed < s_limit, $"{memory:N0} bytes before, {now:N0} after");
            await Task.Delay(100);
        }

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"descriptors {descriptors.Length} and {ListDescriptors().Length}, threads {threads} and {CountThreads()}, "
            + $"bytes {memory:N0} and {GC.GetTotalMemory(true):N0}");
        await end.CancelAsync();
        await Task.WhenAll(serving);
    }

    private static async Task ServeAsync(Destination destination, string address, CancellationToken end)
    {
        while (true)
        {
            try
            {
                (await destination.AcceptAsync(address, end)).Dispose();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // Reset before it was accepted.
            }
        }
    }

    private static async Task<(string[] Descriptors, int Threads, long Memory)> SettleAsync()
    {
        // Until two looks see the same.
        var clock = Stopwatch.StartNew();
        for (string[] before = []; ; await Task.Delay(100))
        {
            var memory = GC.GetTotalMemory(forceFullCollection: true);
            var descriptors = ListDescriptors();
            if (descriptors.SequenceEqual(before))
            {
                return (descriptors, CountThreads(), memory);
            }

            Assert.True(clock.Elapsed < s_limit, $"{descriptors.Length} descriptors, and it goes on.");
            before = descriptors;
        }
    }

    private static async Task WaitForDescriptorsAsync(string[] expected)
    {
        var clock = Stopwatch.StartNew();
        while (ListDescriptors() is var now && now.Except(expected).Any())
        {
            Assert.True(clock.Elapsed < s_limit, $"{now.Length} descriptors, {expected.Length} before; new are {string.Join(", ", now.Except(expected))}");
            await Task.Delay(10);
        }
    }

    /// <summary>Takes all descriptors but so many, until disposed.</summary>
    private static Restoration ExhaustDescriptors(int left)
    {
        Assert.Equal(0, GetResourceLimit(RLIMIT_NOFILE, out var limit));
        var highest = Directory.GetFiles("/proc/self/fd").Max(file => int.Parse(Path.GetFileName(file), CultureInfo.InvariantCulture));
        Assert.Equal(0, SetResourceLimit(RLIMIT_NOFILE, limit with { Current = highest + 2 }));
        var taken = new List<int>();
        for (int descriptor; (descriptor = Duplicate(0)) >= 0;)
        {
            taken.Add(descriptor);
        }

        Give(taken, left);
        return new Restoration(limit, taken);
    }

    private static void Give(List<int> taken, int count)
    {
        for (; count > 0; count--)
        {
            Assert.Equal(0, Close(taken[^1]));
            taken.RemoveAt(taken.Count - 1);
        }
    }

    /// <summary>What they stand for, such as <c>socket:[4711]</c>. Not files: the runtime opens an assembly when it comes to need it.</summary>
    private static string[] ListDescriptors() =>
        [.. Directory.GetFiles("/proc/self/fd").Select(file => new FileInfo(file).LinkTarget)
            .OfType<string>().Where(target => target[0] != '/').Order(StringComparer.Ordinal)];

    private static int CountThreads() => Directory.GetDirectories("/proc/self/task").Length;

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetResourceLimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetResourceLimit(int resource, in ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static partial int Duplicate(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    private record struct ResourceLimit(nint Current, nint Maximum);

    private sealed class Restoration(ResourceLimit limit, List<int> taken) : IDisposable
    {
        public void Dispose()
        {
            Give(taken, taken.Count);
            Assert.Equal(0, SetResourceLimit(RLIMIT_NOFILE, limit));
        }
    }
}
