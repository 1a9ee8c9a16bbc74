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

        // Two rounds of the sampler, while every third ends: whoever stays is met in each round, once.
        var met = new Dictionary<ConnectionEntry, int>();
        var batch = new ConnectionEntry[999];
        for (var round = 0; round < 2; round++)
        {
            int count;
            do
            {
                count = list.GetNext(batch);
                foreach (var entry in batch.AsSpan(0, count))
                {
                    met[entry] = met.GetValueOrDefault(entry) + 1;
                }

                // Among them the one that the next batch would begin with.
                if (round == 0)
                {
                    foreach (var entry in entries.Skip(met.Count - 3).Take(6).Where((_, i) => i % 3 == 0 && met.Count < Count))
                    {
                        met[entry] = int.MinValue;
                        list.Remove(entry);
                    }
                }
            }
            while (count == batch.Length);
        }

        var left = list.GetSnapshot();
        Assert.Equal(met.Count(entry => entry.Value > 0), left.Count);
        Assert.All(met, entry => Assert.True(entry.Value is 2 or < 0));
        Assert.NotEqual(Count, left.Count);

        Parallel.ForEach(entries.Where(entry => met[entry] > 0), list.Remove);
        Assert.Equal(0, list.Count);
        Assert.Empty(list.GetSnapshot());
        Assert.Equal(0, list.GetNext(batch));
    }
}
