using System.Diagnostics;
using System.Net;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.TestNetwork.Tests;

/// <summary>Connections use the links, and the addresses are those of the topology.</summary>
public sealed class TopologyTests
{
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(5);

    public TopologyTests()
    {
        Requires.Namespaces();
        Requires.Programs("ss", "tc");
    }

    [Theory]
    [InlineData(2, false, false)]
    [InlineData(2, true, false)]
    [InlineData(2, false, true)]
    [InlineData(2, true, true)]
    [InlineData(MultipathNetwork.MaximumLinks, false, false)]
    public async Task Connection_ClientEndpoints_OneSubflowPerLink(int links, bool ipv6, bool delayed)
    {
        await using var net = await MultipathNetwork.CreateAsync(links, rate: Rate.Mbit(50), delay: delayed ? s_delay : default);
        var server = ipv6 ? net.Links[0].ServerAddressV6 : net.ServerAddress;
        await AssertSubflowsAsync(
            net, server, [.. net.Links.Select(link => (ipv6 ? link.ClientAddressV6 : link.ClientAddress, server))]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connection_ServerSignals_OneSubflowPerAddress(bool ipv6)
    {
        await using var net = await MultipathNetwork.CreateAsync(links: 3, pathOpening: PathOpening.ServerSignals);
        var server = ipv6 ? net.Links[0].ServerAddressV6 : net.ServerAddress;
        await AssertSubflowsAsync(
            net,
            server,
            [.. net.Links.Select(link => ipv6 ? (link.ClientAddressV6, link.ServerAddressV6) : (link.ClientAddress, link.ServerAddress))]);
    }

    [Fact]
    public async Task Connection_NobodyOpensPaths_OneSubflow()
    {
        await using var net = await MultipathNetwork.CreateAsync(links: 2, pathOpening: PathOpening.None);
        await AssertSubflowsAsync(net, net.ServerAddress, [(net.ClientAddress, net.ServerAddress)]);
    }

    [Fact]
    public async Task Transfer_TwoLinks_FasterThanOneCanBe()
    {
        const int Mbit = 50;
        await using var net = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(Mbit));
        using var transfer = Transfer.Start(net);
        double rate = 0;
        await Wait.UntilAsync(
            async () =>
            {
                // In this order a pause of this process makes it less, never more.
                var clock = Stopwatch.StartNew();
                var before = Received();
                await Task.Delay(TimeSpan.FromSeconds(1));
                rate = (Received() - before) * 8 / 1e6 / clock.Elapsed.TotalSeconds;
                return rate > 1.3 * Mbit;
            },
            () => $"{rate:0.0} Mbit/s over two links of {Mbit}");
        TestContext.Current.TestOutputHelper!.WriteLine($"{rate:0.0} Mbit/s over two links of {Mbit}");
        await transfer.FinishAsync();

        long Received() => net.Links.Sum(link => link.CountBytes().Received);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SetRate_HigherThanBefore_FasterThanBefore(bool delayed)
    {
        await using var net = await MultipathNetwork.CreateAsync(links: 1, rate: Rate.Mbit(10), delay: delayed ? s_delay : default);
        var slow = await MeasureAsync(net);
        await net.Links[0].SetRateAsync(Rate.Mbit(40));
        var fast = await MeasureAsync(net);
        TestContext.Current.TestOutputHelper!.WriteLine($"{slow:0.0}, then {fast:0.0} Mbit/s");
        Assert.True(fast > 1.5 * slow, $"{slow:0.0} Mbit/s, then {fast:0.0}");
    }

    private static async Task<double> MeasureAsync(MultipathNetwork net)
    {
        using var transfer = Transfer.Start(net);
        await transfer.WaitForBytesAsync(500_000);
        var before = transfer.Received;
        var clock = Stopwatch.StartNew();
        await transfer.WaitForBytesAsync((long)(net.Links[0].Settings.Rate!.Value.BitsPerSecond / 8 * 0.8));
        var rate = (transfer.Received - before) * 8 / clock.Elapsed.TotalSeconds / 1e6;
        await transfer.FinishAsync();
        return rate;
    }

    private static async Task AssertSubflowsAsync(
        MultipathNetwork net, IPAddress connectTo, IReadOnlyList<(IPAddress Client, IPAddress Server)> expected)
    {
        using var transfer = Transfer.Start(net, to: connectTo);
        var total = 0;
        await Wait.UntilAsync(
            () => MptcpSocket.TryGetInfo(transfer.Client, out var info) && (total = info.TotalSubflows!.Value) >= expected.Count,
            () => $"{total} subflows, not {expected.Count}");

        // More than expected would have come by then, too.
        await transfer.WaitForBytesAsync(2_000_000);
        await Wait.UntilAsync(
            async () => (await Hosts.GetSubflowsAsync(net.Client)).Count == expected.Count,
            () => $"not {expected.Count} subflows");
        Assert.Equal(
            expected.Select(path => (path.Client.ToString(), path.Server.ToString())).Order(),
            await Hosts.GetSubflowsAsync(net.Client));
        Assert.Equal(
            expected.Select(path => (path.Server.ToString(), path.Client.ToString())).Order(),
            await Hosts.GetSubflowsAsync(net.Server));
        Assert.True(MptcpSocket.TryGetInfo(transfer.Accepted, out var atServer));
        Assert.Equal(expected.Count, atServer.TotalSubflows);

        // Each path by the link whose address it has.
        foreach (var link in net.Links.Take(expected.Count))
        {
            var before = link.CountBytes().Received;
            await Wait.UntilAsync(
                () => link.CountBytes().Received > before + 100_000, () => $"nothing comes by link {link.Index}");
        }

        await transfer.FinishAsync();
    }
}
