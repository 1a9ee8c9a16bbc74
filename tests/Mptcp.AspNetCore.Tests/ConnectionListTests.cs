using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
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
        await using var services = new ServiceCollection().AddMetrics().AddSingleton<ServerMetrics>().BuildServiceProvider();
        await using var connection = new DefaultConnectionContext("one for all");
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        var feature = new MptcpConnectionFeature(socket, openedAsMptcp: false, connection, NullLogger.Instance, LogLevel.Debug);
        var list = new ConnectionList();
        var entries = Enumerable.Range(0, Count).Select(i => new ConnectionEntry(
            new MptcpServerConnection(connection, feature, DateTimeOffset.UnixEpoch.AddSeconds(i)), feature, list, services.GetRequiredService<ServerMetrics>())).ToArray();
        Parallel.ForEach(entries.Take(Count / 2), list.Add);
        Array.ForEach(entries[(Count / 2)..], list.Add);
        Assert.Equal(Count, list.Count);
        var snapshot = list.GetSnapshot();
        Assert.Equal(entries.Select(entry => entry.Connection).ToHashSet(), snapshot.ToHashSet());
        Assert.Equal(entries[(Count / 2)..].Select(entry => entry.Connection), snapshot.Skip(Count / 2));

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
