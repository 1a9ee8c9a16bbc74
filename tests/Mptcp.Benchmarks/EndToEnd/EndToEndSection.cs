using System.Globalization;
using Mptcp.Benchmarks.Reporting;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>Ours against stock Kestrel for TCP clients, and against stock Kestrel and nginx under mptcpize for MPTCP clients.</summary>
internal static class EndToEndSection
{
    private static readonly Workload[] s_workloads = [Workload.KeepAlive, Workload.Close, Workload.Http2, Workload.Tls, Workload.Large];

    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Requests, end to end");
        section.Explain($"""
            Each server is a process of its own on core 1, the client (wrk, h2load for HTTP/2) on core 0; loopback of one network namespace,
            congestion control {Arena.CongestionControl}. "Stock" is the same application on Kestrel as it comes, "mptcpize stock" that under
            `mptcpize run`, and so are the clients called MPTCP. The answer has 13 bytes, or 1 MB. Every server is warmed up for every load until
            its rate no longer rises, {effort.WarmUp.TotalSeconds:F0} s at most. Then {effort.Rounds} rounds of {effort.SliceSeconds} s for each server in turn:
            "in turn" is the ratio of requests a second within a round, "at once" that between two servers that run at the same
            moment on the same core, "by processor time" that of the requests for each second of processor time that the server took, in turn.
            A machine whose host is shared changes its speed from second to second, so the first has the most noise. The rows "control" are the
            same program against a second instance of itself: what they are off 1 is noise. `Connection: close` counts connections. For TCP clients
            "ours / mptcpize stock" leaves out what the kernel's MPTCP listener costs, which no code of ours can give back: both have one.
            """);
        var table = section.AddTable("load", "clients", "compared", "a second, ours", "in turn", "at once", "by processor time");

        await using var arena = await Arena.CreateAsync();
        var ours = await arena.StartKestrelAsync("ours", TestServerProcess.Mptcp);
        var again = await arena.StartKestrelAsync("ours again", TestServerProcess.Mptcp);
        var stock = await arena.StartKestrelAsync("stock", TestServerProcess.Stock);
        var mptcpized = await arena.StartKestrelAsync("mptcpize stock", TestServerProcess.Stock, mptcpize: true);
        var nginx = await arena.StartNginxAsync("mptcpize nginx");
        foreach (var workload in s_workloads)
        {
            foreach (var mptcp in new[] { false, true })
            {
                ServerUnderTest[] rivals = mptcp ? [again, mptcpized, nginx] : IsJudged(workload) ? [again, stock, mptcpized] : [again, stock];
                var rows = await CompareAsync(arena, workload, mptcp, ours, rivals, effort);
                foreach (var row in rows)
                {
                    table.Add(
                        workload.Name, mptcp ? "MPTCP" : "TCP", row.Rival == again ? "control" : $"ours / {row.Rival.Name}",
                        row.Rate.ToString("N0", CultureInfo.InvariantCulture), $"{row.InTurn}", $"{row.AtOnce}", $"{row.ByProcessor}");
                }

                Judge(report.Targets, workload, mptcp, rows[0], rows[1]);
            }
        }
    }

    /// <summary>The others' are too many to run at once as well.</summary>
    private static bool IsJudged(Workload workload) => workload == Workload.KeepAlive || workload == Workload.Close;

    private static void Judge(Targets targets, Workload workload, bool mptcp, Row control, Row row)
    {
        if (!IsJudged(workload))
        {
            return;
        }

        var what = $"{(mptcp ? "MPTCP" : "TCP")} clients, {(workload == Workload.Close ? "connections" : "requests")}: ours / {row.Rival.Name}";
        var target = mptcp ? 1.00 : 0.99;
        targets.AtLeast($"{what}, a second, in turn", row.InTurn.Median, target, control.InTurn.Noise);
        targets.AtLeast($"{what}, a second, at once", row.AtOnce!.Median, target, control.AtOnce!.Noise);
        targets.AtLeast($"{what}, by processor time", row.ByProcessor.Median, target, control.ByProcessor.Noise);
    }

    private static async Task<Row[]> CompareAsync(
        Arena arena, Workload workload, bool mptcp, ServerUnderTest ours, ServerUnderTest[] rivals, Effort effort)
    {
        foreach (var server in rivals.Prepend(ours))
        {
            await Load.WarmUpAsync(arena, server, workload, mptcp, effort.WarmUp);
        }

        var rows = rivals.Select(rival => new RowInTheMaking(rival)).ToArray();
        var rates = new List<double>();
        for (var round = 0; round < effort.Rounds; round++)
        {
            // Who goes first changes: what comes first may have it better.
            var samples = new Dictionary<ServerUnderTest, Sample>();
            ServerUnderTest[] inOrder = [ours, .. rivals];
            foreach (var server in round % 2 == 0 ? inOrder : inOrder.Reverse())
            {
                samples[server] = await Load.RunAsync(arena, server, workload, mptcp, effort.SliceSeconds);
            }

            var mine = samples[ours];
            rates.Add(mine.Rate);
            foreach (var row in rows)
            {
                row.InTurn.Add(mine.Rate / samples[row.Rival].Rate);
                row.ByProcessor.Add(mine.Efficiency / samples[row.Rival].Efficiency);
                if (IsJudged(workload))
                {
                    var both = await Load.RunAsync(arena, [ours, row.Rival], workload, mptcp, effort.SliceSeconds);
                    row.AtOnce.Add(both[0].Rate / both[1].Rate);
                }
            }
        }

        return [.. rows.Select(row => new Row(row.Rival, new Spread(rates).Median, new(row.InTurn), row.AtOnce.Count > 0 ? new(row.AtOnce) : null, new(row.ByProcessor)))];
    }

    private sealed record Row(ServerUnderTest Rival, double Rate, Spread InTurn, Spread? AtOnce, Spread ByProcessor);

    private sealed class RowInTheMaking(ServerUnderTest rival)
    {
        public ServerUnderTest Rival => rival;

        public List<double> InTurn { get; } = [];

        public List<double> AtOnce { get; } = [];

        public List<double> ByProcessor { get; } = [];
    }
}
