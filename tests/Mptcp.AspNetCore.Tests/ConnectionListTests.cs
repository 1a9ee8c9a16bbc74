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
        await using var services = new ServiceCollection().AddLogging().AddMetrics()
            .AddSingleton<ServerMetrics>().AddSingleton<ConnectionList>().AddSingleton<KestrelDuration>().AddSingleton<ConnectionServices>()
            .BuildServiceProvider();
        var list = services.GetRequiredService<ConnectionList>();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var entries = Enumerable.Range(0, Count).Select(i => new ConnectionEntry(
            socket, openedAsMptcp: false, new DefaultConnectionContext($"{i}"), services.GetRequiredService<ConnectionServices>())).ToArray();
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
}
