using System.Globalization;
using Mptcp.Benchmarks.Reporting;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>What ours costs with one connection, and with ten thousand.</summary>
internal static class CurveSection
{
    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Cost by the number of connections");
        section.Explain($"""
            Keep-alive GET of 13 bytes, servers and clients as for "Requests, end to end", in turn, {effort.CurveRounds} rounds of {effort.SliceSeconds} s;
            of {4 * effort.SliceSeconds} s with 10,000 connections, for the time in which they are made is in it.
            """);
        var table = section.AddTable("connections", "clients", "compared", "a second, ours", "in turn", "by processor time");
        await using var arena = await Arena.CreateAsync();
        var ours = await arena.StartKestrelAsync("ours", TestServerProcess.Mptcp);
        var again = await arena.StartKestrelAsync("ours again", TestServerProcess.Mptcp);
        var stock = await arena.StartKestrelAsync("stock", TestServerProcess.Stock);
        var mptcpized = await arena.StartKestrelAsync("mptcpize stock", TestServerProcess.Stock, mptcpize: true);
        await Load.WarmUpAsync(arena, stock, Workload.KeepAlive, mptcp: false, effort.WarmUp);
        await Load.WarmUpAsync(arena, mptcpized, Workload.KeepAlive, mptcp: true, effort.WarmUp);
        await Load.WarmUpAsync(arena, again, Workload.KeepAlive, mptcp: true, effort.WarmUp);
        await Load.WarmUpAsync(arena, ours, Workload.KeepAlive, mptcp: true, effort.WarmUp);
        foreach (var connections in effort.CurveConnections)
        {
            var workload = Workload.KeepAliveOf(connections);
            var seconds = connections < 10_000 ? effort.SliceSeconds : 4 * effort.SliceSeconds;
            foreach (var (rival, mptcp) in new[] { (again, false), (stock, false), (again, true), (mptcpized, true) })
            {
                List<double> rates = [], inTurn = [], byProcessor = [];
                for (var round = 0; round < effort.CurveRounds; round++)
                {
                    var a = await Load.RunAsync(arena, ours, workload, mptcp, seconds);
                    var b = await Load.RunAsync(arena, rival, workload, mptcp, seconds);
                    rates.Add(a.Rate);
                    inTurn.Add(a.Rate / b.Rate);
                    byProcessor.Add(a.Efficiency / b.Efficiency);
                }

                table.Add(
                    connections.ToString("N0", CultureInfo.InvariantCulture), mptcp ? "MPTCP" : "TCP", rival == again ? "control" : $"ours / {rival.Name}",
                    new Spread(rates).Median.ToString("N0", CultureInfo.InvariantCulture), $"{new Spread(inTurn)}", $"{new Spread(byProcessor)}");
            }
        }
    }
}
