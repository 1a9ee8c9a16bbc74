using System.Diagnostics;
using System.Globalization;

namespace Mptcp.Benchmarks;

/// <summary>
/// Times two things in turn, A B A B, and prints the ratio of each pair: a machine that changes its speed changes it for both.
/// </summary>
internal static class Comparison
{
    private const int Pairs = 201;

    /// <param name="name">What is compared.</param>
    /// <param name="ours">Does it that many times.</param>
    /// <param name="rival">The same with the rival.</param>
    /// <param name="calls">How many times a measurement does it: long enough for the clock, short enough for the scheduler.</param>
    public static void Run(string name, Action<int> ours, Action<int> rival, int calls = 5_000)
    {
        // Until tiered compilation has nothing left to do.
        for (var warmUp = Stopwatch.StartNew(); warmUp.Elapsed < TimeSpan.FromSeconds(1);)
        {
            ours(calls);
            rival(calls);
        }

        var ratios = new double[Pairs];
        var times = new double[Pairs];
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Pairs; i++)
        {
            var mine = Time(ours, calls);
            var theirs = Time(rival, calls);
            (ratios[i], times[i]) = (mine / theirs, mine);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Array.Sort(ratios);
        Array.Sort(times);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {times[Pairs / 2]:F0} ns | {ratios[Pairs / 2]:F2} | {ratios[Pairs / 4]:F2} to {ratios[Pairs * 3 / 4]:F2} | {allocated / ((double)Pairs * calls):F2} B |"));
    }

    private static double Time(Action<int> what, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        what(calls);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
    }
}
