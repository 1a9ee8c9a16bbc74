using System.Diagnostics;
using System.Globalization;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.Network;

/// <summary>How long a download stands still when one of its two links breaks.</summary>
internal static class StallSection
{
    private const long Length = 17_000_000;
    private const long OnEachPath = 4_000_000;

    // Each cut comes at another moment of what the congestion control does.
    private const long Later = 50_000;

    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Stall after a cut");
        section.Explain(string.Create(CultureInfo.InvariantCulture, $"""
            A download of {Length / 1e6:F0} MB over two links of 50 Mbit/s, from Kestrel with UseMptcp, congestion control reno; one of the links, the first and the
            second in turn, is cut when some {OnEachPath / 1e6:F0} MB came over each. The longest time from then to the end in which nothing
            came, in ms, over {effort.Cuts} cuts of each kind. Every byte is checked, and the download has to become complete. To receive without a cut is the row "none".
            """));
        var table = section.AddTable("cut", "round trip", "p50", "p95", "maximum", "bytes lost");
        foreach (var roundTrip in effort.RoundTrips)
        {
            foreach (var cut in Enum.GetValues<Cut>().Select(cut => (Cut?)cut).Prepend(null))
            {
                var stalls = new List<double>();
                await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50), delay: TimeSpan.FromMilliseconds(roundTrip / 2.0));
                using var server = await TestServerProcess.StartAsync(
                    TestServerProcess.Mptcp, ["--Address", "0.0.0.0", "--Http", $"{PatternDownload.Port}"], network.Server);
                for (var i = 0; i < (cut is null ? Math.Min(effort.Cuts, 5) : effort.Cuts); i++)
                {
                    stalls.Add((await MeasureAsync(network, cut, network.Links[i % 2], OnEachPath + (i * Later))).TotalMilliseconds);
                }

                // A byte lost, or out of place, is an exception and the end of the run.
                table.Add(cut is null ? "none" : Name(cut.Value), $"{roundTrip} ms", Text(0.5), Text(0.95), Text(1), "0");
                if (cut is not null)
                {
                    report.Targets.AtMost($"Stall after {Name(cut.Value)}, round trip {roundTrip} ms, p95, ms", new Spread(stalls).At(0.95), 450);
                }

                string Text(double share) => new Spread(stalls).At(share).ToString("F0", CultureInfo.InvariantCulture);
            }
        }
    }

    private static string Name(Cut cut) => cut switch
    {
        Cut.LinkDown => "link down at the client",
        Cut.Silent => "black hole",
        Cut.Reset => "resets",
        Cut.AddressRemoved => "address removed",
        _ => throw new ArgumentOutOfRangeException(nameof(cut)),
    };

    private static async Task<TimeSpan> MeasureAsync(MultipathNetwork network, Cut? cut, NetworkLink link, long onEachPath)
    {
        // It begins on the first link, as every connection to this server does.
        using var download = PatternDownload.Start(network, network.Links[0], mptcp: true, Length);
        while (MptcpSocket.GetSubflows(download.Socket) is var paths && (paths.Count < 2 || paths.Any(path => path.BytesReceived < onEachPath)))
        {
            if (download.Receive() == 0)
            {
                throw new InvalidOperationException($"It ended before there were two paths: {string.Join(", ", paths)}.");
            }
        }

        // Not awaited before the first byte afterwards: to cut takes a moment, in which bytes arrive.
        var cutting = cut is null ? Task.CompletedTask : Task.Run(() => link.CutAsync(cut.Value));
        var longest = TimeSpan.Zero;
        for (var clock = Stopwatch.StartNew(); download.Receive() > 0; clock.Restart())
        {
            longest = clock.Elapsed > longest ? clock.Elapsed : longest;
        }

        if (!cutting.IsCompleted)
        {
            throw new InvalidOperationException("The download was over before the link was cut.");
        }

        await cutting;
        await link.RestoreAsync();
        await link.RenewEndpointsAsync();
        return longest;
    }
}
