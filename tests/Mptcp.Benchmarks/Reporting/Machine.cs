using System.Globalization;
using System.Runtime.InteropServices;
using Mptcp.AspNetCore;

namespace Mptcp.Benchmarks.Reporting;

/// <summary>What it is measured on; to be asked before the measurements, of which the load is not to be theirs.</summary>
internal static class Machine
{
    public static string Describe() => string.Create(CultureInfo.InvariantCulture, $"""
        | | |
        |---|---|
        | Date | {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC |
        | Processor | {Environment.ProcessorCount} × {Processor}, {RuntimeInformation.OSArchitecture} |
        | Memory | {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:F1} GB |
        | Kernel | Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, {RuntimeInformation.OSDescription} |
        | .NET | {RuntimeInformation.FrameworkDescription} |
        | Mptcp.AspNetCore | {typeof(IMptcpFeature).Assembly.GetName().Version!.ToString(3)} |
        | Congestion control | reno, unless a row says another; the machine's own is {Setting("tcp_congestion_control")}, network namespaces may choose {Setting("tcp_allowed_congestion_control")} |
        | Load average before the run | {File.ReadAllText("/proc/loadavg").Split(' ')[0]} |

        """);

    private static string Processor => File.ReadLines("/proc/cpuinfo")
        .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";

    private static string Setting(string name) => File.ReadAllText($"/proc/sys/net/ipv4/{name}").Trim();
}
