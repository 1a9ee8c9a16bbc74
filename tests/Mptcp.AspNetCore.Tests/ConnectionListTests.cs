using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Tests;

public sealed class ConnectionListTests
{
    [Fact]
    public async Task AddRemoveSnapshot_HundredThousand_AllThereInOrderAndGoneInTheEnd()
    {
        const int Count = 100_000;
        await using var services = CreateServices();
        var list = services.GetRequiredService<ConnectionList>();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var entries = CreateEntries(services, socket, Count);
        Parallel.ForEach(entries.Take(Count / 2), list.Add);
        Array.ForEach(entries[(Count / 2)..], list.Add);
        Assert.Equal(Count, list.Count);
        var snapshot = list.GetSnapshot();
        Assert.Equal(entries.ToHashSet<IMptcpFeature>(), snapshot.Select(connection => connection.Mptcp).ToHashSet());
        Assert.Equal(entries[(Count / 2)..], snapshot.Skip(Count / 2).Select(connection => connection.Mptcp));
        Assert.Equal($"{Count - 1}", snapshot[^1].Id);

        // A round of the sampler, in which after each batch the last that was met ends, and the one that the next batch would begin with.
        var order = snapshot.Select(connection => (ConnectionEntry)connection.Mptcp).ToArray();
        var ended = new HashSet<ConnectionEntry>();
        var batch = new ConnectionEntry[900];
        var met = Round(batch, ended);
        Assert.Equal(2 * (Count / 901), ended.Count);
        Assert.Equal(order.Where((_, i) => i % 901 != 900), met);
        var left = order.Where(entry => !ended.Contains(entry)).ToArray();
        Assert.Equal(left, list.GetSnapshot().Select(connection => connection.Mptcp));

        // Whoever stays is met in each round once, also when the round ends with a full batch.
        Assert.Equal(left, Round(batch));
        batch = new ConnectionEntry[left.Length];
        Assert.Equal(left, Round(batch));
        Assert.Equal(left, Round(batch));

        Parallel.ForEach(left, list.Remove);
        Assert.Equal(0, list.Count);
        Assert.Empty(list.GetSnapshot());
        Assert.Equal(0, list.GetNext(batch));

        // Nor does one that somebody keeps lead to any other.
        Assert.All(order, entry => Assert.True(entry.Next is null && entry.Previous is null));

        List<ConnectionEntry> Round(ConnectionEntry[] batch, HashSet<ConnectionEntry>? ended = null)
        {
            var met = new List<ConnectionEntry>();
            while (met.LastOrDefault() != order[^1])
            {
                var count = list.GetNext(batch);
                Assert.NotEqual(0, count);
                met.AddRange(batch.AsSpan(0, count));
                if (ended is not null && met[^1] != order[^1])
                {
                    ConnectionEntry[] ending = [met[^1], met[^1].Next!];
                    Array.ForEach(ending, list.Remove);
                    ended.UnionWith(ending);
                }
            }

            return met;
        }
    }

    [Theory]
    [InlineData(0, 0, new int[0])]
    [InlineData(0, 3, new[] { 0, 1, 2 })]
    [InlineData(4, 2, new[] { 4, 5 })]
    [InlineData(5, 2, new[] { 5, 6 })]
    [InlineData(6, 2, new[] { 6, 7 })]
    [InlineData(8, 5, new[] { 8, 9 })]
    [InlineData(9, int.MaxValue, new[] { 9 })]
    [InlineData(10, 1, new int[0])]
    [InlineData(int.MaxValue, int.MaxValue, new int[0])]
    [InlineData(0, int.MaxValue, new[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 })]
    public async Task GetPage_TenConnections_ReturnsThePartInOrder(int skip, int take, int[] expected)
    {
        await using var services = CreateServices();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var list = services.GetRequiredService<ConnectionList>();
        Array.ForEach(CreateEntries(services, socket, 10), list.Add);

        var page = list.GetPage(skip, take, out var total);

        Assert.Equal(10, total);
        Assert.Equal(expected.Select(i => $"{i}"), page.Select(connection => connection.Id));
    }

    [Fact]
    public async Task GetPage_FifteenThousandConnections_AllocatesForThePageOnly()
    {
        await using var services = CreateServices();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var list = services.GetRequiredService<ConnectionList>();
        Array.ForEach(CreateEntries(services, socket, 15_000), list.Add);
        _ = list.GetPage(7000, 100, out _);

        var before = GC.GetAllocatedBytesForCurrentThread();
        _ = list.GetPage(0, 0, out var total);
        var nothing = GC.GetAllocatedBytesForCurrentThread() - before;
        before = GC.GetAllocatedBytesForCurrentThread();
        var page = list.GetPage(7000, 100, out _);
        var hundred = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(15_000, total);
        Assert.Equal(100, page.Count);
        Assert.InRange(nothing, 0, 100);
        Assert.InRange(hundred, 100 * 8, 100 * 100);
    }

    private static ServiceProvider CreateServices() => new ServiceCollection().AddLogging().AddMetrics()
        .AddSingleton<ServerMetrics>().AddSingleton<ConnectionList>().AddSingleton<KestrelDuration>().AddSingleton<ConnectionServices>()
        .BuildServiceProvider();

    private static ConnectionEntry[] CreateEntries(IServiceProvider services, Socket socket, int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => new ConnectionEntry(
            socket, openedAsMptcp: false, new DefaultConnectionContext($"{i}"), services.GetRequiredService<ConnectionServices>())),
    ];
}
