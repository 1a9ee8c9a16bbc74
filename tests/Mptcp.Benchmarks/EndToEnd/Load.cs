using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>What a slice of load came to.</summary>
/// <param name="Requests">Requests answered.</param>
/// <param name="Rate">Requests a second.</param>
/// <param name="Efficiency">Requests for each second of processor time that the server's process took.</param>
internal readonly record struct Sample(long Requests, double Rate, double Efficiency);

/// <summary>Puts a load on a server.</summary>
internal static partial class Load
{
    /// <summary>Runs a client against a server.</summary>
    public static async Task<Sample> RunAsync(Arena arena, ServerUnderTest server, Workload workload, bool mptcp, int seconds) =>
        (await RunAsync(arena, [server], workload, mptcp, seconds))[0];

    /// <summary>Runs a client against each of several servers, at the same moment: they share the core, and so do the clients.</summary>
    public static async Task<Sample[]> RunAsync(Arena arena, ServerUnderTest[] servers, Workload workload, bool mptcp, int seconds)
    {
        var before = arena.ReadCounters();
        var samples = await Task.WhenAll(servers.Select(server => MeasureAsync(arena, server, workload, mptcp, seconds)));

        // That what is measured is what the table says. Of 10,000 connections some are still being made when the time is over.
        var counted = arena.ReadCounters().ToDictionary(counter => counter.Key, counter => counter.Value - before.GetValueOrDefault(counter.Key));
        var accepted = counted["MPCapableACKRX"];
        var connections = workload.IsClosing ? samples.Sum(sample => sample.Requests) : servers.Length * workload.Connections;
        if (mptcp ? accepted < 0.9 * connections : accepted != 0)
        {
            throw new InvalidOperationException(
                $"{workload.Name}, {string.Join(" and ", servers.Select(server => server.Name))}: {accepted} of {connections} connections spoke Multipath TCP: "
                + string.Join(", ", counted.Where(counter => counter.Value != 0).Select(counter => $"{counter.Key} {counter.Value}")));
        }

        return samples;
    }

    /// <summary>
    /// Until the rate no longer rises. Tiered compilation has to compete with the requests for the core: it takes half a minute, of which
    /// the first seconds show nothing of it, so a server that was not loaded before has at least half of the limit.
    /// </summary>
    public static async Task WarmUpAsync(Arena arena, ServerUnderTest server, Workload workload, bool mptcp, TimeSpan limit)
    {
        const int Slices = 4;
        var minimum = server.IsWarm ? limit / 10 : limit / 2;
        server.IsWarm = true;
        var rates = new List<double>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < limit;)
        {
            // By processor time, which the neighbours of the machine change least.
            rates.Add((await RunAsync(arena, server, workload, mptcp, seconds: 1)).Efficiency);
            if (clock.Elapsed > minimum && rates.Count > Slices && rates.TakeLast(Slices).Max() < 1.01 * rates.SkipLast(Slices).Max())
            {
                return;
            }
        }
    }

    private static async Task<Sample> MeasureAsync(Arena arena, ServerUnderTest server, Workload workload, bool mptcp, int seconds)
    {
        using var client = arena.StartClient(mptcp, workload.GetCommand(server, arena.NextAddress(), seconds));
        var before = ProcessorTime(server.ProcessId);
        var exitCode = await client.WaitForExitAsync(TimeSpan.FromMinutes(2));
        var processor = ProcessorTime(server.ProcessId) - before;
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"{workload.Name}, {server.Name}: {exitCode} {client.Output}{client.Error}");
        }

        var (requests, elapsed) = workload.Read(client.Output, seconds);
        return new Sample(requests, requests / elapsed, requests / processor);
    }

    /// <summary>Of all the threads of a process, also those that ended: <c>clock_getcpuclockid</c>, which counts in nanoseconds.</summary>
    private static double ProcessorTime(int processId)
    {
        const int CPUCLOCK_SCHED = 2;
        return GetTime((~processId << 3) | CPUCLOCK_SCHED, out var time) == 0
            ? time.Seconds + (time.Nanoseconds / 1e9)
            : throw new InvalidOperationException($"The server, process {processId}, has ended.");
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpecification time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpecification(nint Seconds, nint Nanoseconds);
}
