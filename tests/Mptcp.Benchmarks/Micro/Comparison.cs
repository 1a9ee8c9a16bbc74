using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using Mptcp.Benchmarks.Reporting;

namespace Mptcp.Benchmarks.Micro;

/// <summary>
/// Times two things in turn, A B A B, and takes the ratio of each pair: a machine that changes its speed changes it for both.
/// </summary>
internal static class Comparison
{
    public static readonly string[] Columns = ["what", "median, ns", "ratio", "allocated, B", "by the rival, B"];

    /// <param name="name">What is compared.</param>
    /// <param name="ours">Does it that many times.</param>
    /// <param name="rival">The same with the rival.</param>
    /// <param name="calls">How many times a measurement does it: long enough for the clock, short enough for the scheduler.</param>
    /// <param name="pairs">How many measurements of each.</param>
    /// <returns>The cells of a row.</returns>
    public static string[] Run(string name, Action<int> ours, Action<int> rival, int calls, int pairs)
    {
        WarmUp(ours, rival, calls, TimeSpan.FromSeconds(pairs < 50 ? 1 : 5));
        var ratios = new double[pairs];
        var times = new double[pairs];
        var (allocatedByOurs, allocatedByRival) = (0L, 0L);
        for (var i = 0; i < pairs; i++)
        {
            var mine = Measure(ours, calls, ref allocatedByOurs);
            var theirs = Measure(rival, calls, ref allocatedByRival);
            (ratios[i], times[i]) = (mine / theirs, mine);
        }

        var all = (double)pairs * calls;
        return [name, Text(new Spread(times).Median), $"{new Spread(ratios)}", Text(allocatedByOurs / all), Text(allocatedByRival / all)];

        static string Text(double value) => value.ToString("F0", CultureInfo.InvariantCulture);
    }

    /// <summary>Until tiered compilation has nothing left to do.</summary>
    private static void WarmUp(Action<int> ours, Action<int> rival, int calls, TimeSpan limit)
    {
        var compiled = 0L;
        var all = Stopwatch.StartNew();
        var quiet = Stopwatch.StartNew();
        while (quiet.Elapsed < TimeSpan.FromSeconds(1) && all.Elapsed < limit)
        {
            ours(calls);
            rival(calls);
            if (JitInfo.GetCompiledMethodCount() is var count && count != compiled)
            {
                compiled = count;
                quiet.Restart();
            }
        }
    }

    /// <returns>Nanoseconds a call.</returns>
    private static double Measure(Action<int> what, int calls, ref long allocated)
    {
        // Of all threads: a request is seldom carried out on the one that began it.
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var start = Stopwatch.GetTimestamp();
        what(calls);
        var elapsed = Stopwatch.GetElapsedTime(start);
        allocated += GC.GetTotalAllocatedBytes(precise: true) - before;
        return elapsed.TotalNanoseconds / calls;
    }
}
