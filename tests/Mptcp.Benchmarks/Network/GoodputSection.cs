using System.Diagnostics;
using Mptcp.Benchmarks.Reporting;
using Mptcp.TestNetwork;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.Network;

/// <summary>What a download over two links gets of what the links have.</summary>
internal static class GoodputSection
{
    // When the slow start is over, and what was out of order then has been read.
    private static readonly TimeSpan s_before = TimeSpan.FromSeconds(1.5);

    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Goodput over two links");
        section.Explain($"""
            A server and a client, each in a network namespace, joined by two links; a download from Kestrel with UseMptcp, every byte checked. In
            turn with plain TCP over each link alone, {effort.GoodputRounds} rounds; Mbit/s of the body over
            {effort.GoodputWindow.TotalSeconds:F1} s, which begin {s_before.TotalSeconds:F1} s after the first byte. "Of the sum" is the share of what both links gave TCP in the same round. The congestion
            control is the server's `Mptcp:CongestionControl`, read back from its connections; delays are round trips. The send buffer is the last
            number of the server's `net.ipv4.tcp_wmem`, the machine's own or a smaller one: "Stall after a cut" has why.
            """);
        var table = section.AddTable("links", "send buffer, at most", "congestion control", "TCP, link 1", "TCP, link 2", "Multipath TCP", "of the sum", "times link 1");
        (string Name, LinkSettings[] Links, int? SendBuffer)[] setups =
        [
            ("50 + 50 Mbit/s", [Link(50, 0), Link(50, 0)], null),
            ("50 Mbit/s, 20 ms + 50 Mbit/s, 60 ms", [Link(50, 20), Link(50, 60)], null),
            ("50 Mbit/s, 20 ms + 50 Mbit/s, 60 ms", [Link(50, 20), Link(50, 60)], SendBuffer.Small),
            ("50 + 20 Mbit/s", [Link(50, 0), Link(20, 0)], null),
        ];
        foreach (var (name, links, bytes) in setups)
        {
            foreach (var congestionControl in effort.CongestionControls)
            {
                await using var network = await MultipathNetwork.CreateAsync(links);
                var sendBuffer = SendBuffer.Set(network.Server, bytes);
                var available = network.Server.Run(() => File.ReadAllText("/proc/sys/net/ipv4/tcp_available_congestion_control"));
                if (!available.Split(' ', StringSplitOptions.TrimEntries).Contains(congestionControl))
                {
                    table.Add(name, sendBuffer, congestionControl, "", "", "this kernel has it not", "", "");
                    continue;
                }

                using var server = await TestServerProcess.StartAsync(
                    TestServerProcess.Mptcp,
                    ["--Address", "0.0.0.0", "--Http", $"{PatternDownload.Port}", "--Mptcp:CongestionControl", congestionControl],
                    network.Server);
                await MeasureAsync(report.Targets, table, name, sendBuffer, congestionControl, network, effort);
            }
        }
    }

    private static async Task MeasureAsync(
        Targets targets, Table table, string name, string sendBuffer, string congestionControl, MultipathNetwork network, Effort effort)
    {
        List<double> first = [], second = [], both = [], ofSum = [], times = [];
        for (var round = 0; round < effort.GoodputRounds; round++)
        {
            var one = await DownloadAsync(network, 0, mptcp: false, congestionControl, effort.GoodputWindow);
            var two = await DownloadAsync(network, 1, mptcp: false, congestionControl, effort.GoodputWindow);
            var all = await DownloadAsync(network, 0, mptcp: true, congestionControl, effort.GoodputWindow);
            first.Add(one);
            second.Add(two);
            both.Add(all);
            ofSum.Add(all / (one + two));
            times.Add(all / one);
        }

        table.Add(
            name, sendBuffer, congestionControl, new Spread(first).ToString("F1"), new Spread(second).ToString("F1"), new Spread(both).ToString("F1"),
            $"{new Spread(ofSum)}", new Spread(times).ToString("F2"));
        if (network.Links[0].Settings == network.Links[1].Settings)
        {
            targets.AtLeast($"Goodput on two equal links, {congestionControl}: of their summed TCP goodput", new Spread(ofSum).Median, 0.94, noise: null);
            targets.AtLeast($"Goodput on two equal links, {congestionControl}: times one link with TCP", new Spread(times).Median, 1.9, noise: null, "F2");
        }
    }

    /// <returns>Mbit/s.</returns>
    private static async Task<double> DownloadAsync(MultipathNetwork network, int link, bool mptcp, string congestionControl, TimeSpan window)
    {
        using var download = PatternDownload.Start(network, network.Links[link], mptcp, length: 1L << 40);
        Receive(download, s_before);

        // What is measured is what the table says.
        var sockets = await network.Server.ExecuteAsync("ss", "-tniHO", "state", "established", "sport", $"= {PatternDownload.Port}");
        var lines = sockets.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length != (mptcp ? 2 : 1) || lines.Any(line => !line.Contains($" {congestionControl} ", StringComparison.Ordinal)))
        {
            throw new InvalidOperationException($"{lines.Length} paths, wanted with {congestionControl}:\n{sockets}");
        }

        var clock = Stopwatch.StartNew();
        var bytes = Receive(download, window);
        return bytes * 8 / clock.Elapsed.TotalSeconds / 1e6;
    }

    private static long Receive(PatternDownload download, TimeSpan time)
    {
        long bytes = 0;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;)
        {
            bytes += download.Receive();
        }

        return bytes;
    }

    private static LinkSettings Link(double mbit, double roundTrip) => new() { Rate = Rate.Mbit(mbit), Delay = TimeSpan.FromMilliseconds(roundTrip / 2) };
}
