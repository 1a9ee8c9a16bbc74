using Mptcp.Benchmarks.Reporting;

namespace Mptcp.Benchmarks.Micro;

/// <summary>Single calls, against the bare system calls that they make.</summary>
internal static class MicroSection
{
    public static Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Single calls");
        CallBenchmarks.Run(section, effort);
        section.Explain("""
            As ratios: one and the other in turn, a few thousand calls each, in one process.
            """);
        var table = section.AddTable(Comparison.Columns);
        StatusBenchmark.Run(table, effort);
        SubflowBenchmark.Run(table, effort);
        return Task.CompletedTask;
    }
}
