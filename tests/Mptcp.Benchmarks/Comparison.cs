using System.Diagnostics;
using System.Globalization;
using System.Runtime;

namespace Mptcp.Benchmarks;

/// <summary>
/// Times two things in turn, A B A B, and prints the ratio of each pair: a machine that changes its speed changes it for both.
/// </summary>
internal static class Comparison
{
    public static void PrintHead()
    {
        Console.WriteLine("| what | median | ratio | middle half of the ratios | allocated | by the rival |");
        Console.WriteLine("|---|---|---|---|---|---|");
    }

    /// <param name="name">What is compared.</param>
    /// <param name="ours">Does it that many times.</param>
    /// <param name="rival">The same with the rival.</param>
    /// <param name="calls">How many times a measurement does it: long enough for the clock, short enough for the scheduler.</param>
    /// <param name="pairs">How many measurements of each.</param>
    public static void Run(string name, Action<int> ours, Action<int> rival, int calls = 5_000, int pairs = 201)
    {
        WarmUp(ours, rival, calls);
        var ratios = new double[pairs];
        var times = new double[pairs];
        var (allocatedByOurs, allocatedByRival) = (0L, 0L);
        for (var i = 0; i < pairs; i++)
        {
            var mine = Measure(ours, calls, ref allocatedByOurs);
            var theirs = Measure(rival, calls, ref allocatedByRival);
            (ratios[i], times[i]) = (mine / theirs, mine);
        }

        Array.Sort(ratios);
        Array.Sort(times);
        var all = (double)pairs * calls;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {times[pairs / 2]:F0} ns | {ratios[pairs / 2]:F3} | {ratios[pairs / 4]:F3} to {ratios[pairs * 3 / 4]:F3} | {allocatedByOurs / all:F0} B | {allocatedByRival / all:F0} B |"));
    }

    /// <summary>Until tiered compilation has nothing left to do.</summary>
    private static void WarmUp(Action<int> ours, Action<int> rival, int calls)
    {
        var compiled = 0L;
        var all = Stopwatch.StartNew();
        var quiet = Stopwatch.StartNew();
        while (quiet.Elapsed < TimeSpan.FromSeconds(1) && all.Elapsed < TimeSpan.FromSeconds(20))
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
