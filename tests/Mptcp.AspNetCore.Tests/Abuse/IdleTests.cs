using System.Globalization;
using System.Net;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class IdleTests
{
    private static readonly int s_count = Scale.Of(1_000, 10_000);

    private sealed record Outcome(double TcpHeap, double MptcpHeap, double TcpResident, double MptcpResident, Growth Growth);

    [Fact]
    public async Task Idle_ManyConnections_CostNoMoreThanStockAnd256BytesAndServerAnswers()
    {
        Requires.Namespaces();
        Requires.Programs("ss");
        var stock = await HoldAsync(TestServerProcess.Stock, growth => growth is { Descriptors: <= 4, Heap: <= 0, Sockets: 0 });
        var ours = await HoldAsync(TestServerProcess.Mptcp, growth => growth.IsNotWorseThan(stock.Growth));

        // Among a thousand connections the rest of the process weighs too, some bytes for each.
        var noise = Scale.IsLong ? 0 : 64;
        Assert.True(ours.TcpHeap <= stock.TcpHeap + 256 + noise, $"{ours}; stock: {stock}");
        Assert.True(ours.MptcpHeap <= stock.MptcpHeap + 256 + noise, $"{ours}; stock: {stock}");
        Assert.True(ours.Growth.IsNotWorseThan(stock.Growth), $"{ours}; stock: {stock}");
    }

    private static async Task<Outcome> HoldAsync(string transport, Func<Growth, bool> isBack)
    {
        await using var rival = await Rival.StartAsync(transport);

        // What is made once and kept: code, pools, lists that have grown.
        await WeighAsync(rival, mptcp: false, 300);
        await WeighAsync(rival, mptcp: true, 300);
        var before = await rival.GetBaselineAsync();
        var tcp = await WeighAsync(rival, mptcp: false, s_count);
        var mptcp = await WeighAsync(rival, mptcp: true, s_count);
        var growth = await rival.SettleAsync(before, isBack, rival.Patience);
        rival.AssertServes();
        rival.AssertNoErrors();
        Scale.Tell(string.Create(
            CultureInfo.InvariantCulture,
            $"{transport}: {s_count} idle connections; managed heap of each {tcp.Heap:0} B (TCP), {mptcp.Heap:0} B (MPTCP); resident {tcp.Resident:0} and {mptcp.Resident:0} B; afterwards {growth}"));
        return new Outcome(tcp.Heap, mptcp.Heap, tcp.Resident, mptcp.Resident, growth);
    }

    /// <summary>Bytes of the server for each connection that made a request and then is idle.</summary>
    private static async Task<(double Heap, double Resident)> WeighAsync(Rival rival, bool mptcp, int count)
    {
        var before = await rival.GetBaselineAsync();
        var peers = new Peer[count];
        try
        {
            await rival.AbuseAsync(8, count, i =>
            {
                peers[i] = Peer.Connect(rival.Http, mptcp, new IPAddress([127, 0, 1, (byte)(1 + (i % 64))]));
                Assert.Equal("Hello, World!", peers[i].Get("/").Text);
            });
            var after = rival.GetFigures();

            // All of them are there, and new ones are served.
            Assert.InRange(after.Descriptors - before.Descriptors, count, count + 16);
            rival.AssertServes();
            await rival.AbuseAsync(4, count / 10, i => Assert.Equal("Hello, World!", peers[i * 10].Get("/").Text));
            return ((after.Heap - before.Heap) / (double)count, (after.Resident - before.Resident) / (double)count);
        }
        finally
        {
            foreach (var peer in peers)
            {
                peer?.Dispose();
            }
        }
    }
}
