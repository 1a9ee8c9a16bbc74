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
            came, in ms, over {effort.Cuts} cuts of each kind. A byte that is lost or out of place ends the section. To receive without a cut is the row "none".

            What is lost is sent again on the other path behind all that the kernel gave that path before the cut, which is as much as its send
            buffer holds: the largest congestion window that the path ever had, several times over, up to the last number of
            `net.ipv4.tcp_wmem`. That is most of a stall, also where the server is told of the cut at once ("resets", "address removed"); the rest is the
            retransmission timer. `TCP_NOTSENT_LOWAT` and `net.ipv4.tcp_notsent_lowat` change nothing, for the kernel does not ask them before it
            gives a path more. A smaller `tcp_wmem` does, and "Goodput over two links" has what it costs.
            """));
        var table = section.AddTable("cut", "round trip", "send buffer, at most", "p50", "p95", "maximum");
        (int RoundTrip, int? SendBuffer)[] setups =
        [
            .. effort.RoundTrips.Select(roundTrip => (roundTrip, (int?)null)),
            .. effort.RoundTrips.Where(roundTrip => roundTrip > 0).Select(roundTrip => (roundTrip, (int?)SendBuffer.Small)),
        ];
        foreach (var setup in setups)
        {
            var roundTrip = setup.RoundTrip;
            foreach (var cut in Enum.GetValues<Cut>().Select(cut => (Cut?)cut).Prepend(null))
            {
                var stalls = new List<double>();
                await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50), delay: TimeSpan.FromMilliseconds(roundTrip / 2.0));
                var sendBuffer = SendBuffer.Set(network.Server, setup.SendBuffer);
                using var server = await TestServerProcess.StartAsync(
                    TestServerProcess.Mptcp, ["--Address", "0.0.0.0", "--Http", $"{PatternDownload.Port}"], network.Server);
                for (var i = 0; i < (cut is null ? Math.Min(effort.Cuts, 5) : effort.Cuts); i++)
                {
                    stalls.Add((await MeasureAsync(network, cut, network.Links[i % 2], OnEachPath + (i * Later))).TotalMilliseconds);
                }

                table.Add(cut is null ? "none" : Name(cut.Value), $"{roundTrip} ms", sendBuffer, Text(0.5), Text(0.95), Text(1));
                if (cut is not null)
                {
                    report.Targets.AtMost($"Stall after {Name(cut.Value)}, round trip {roundTrip} ms, send buffer {sendBuffer}, p95, ms", new Spread(stalls).At(0.95), 450);
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
