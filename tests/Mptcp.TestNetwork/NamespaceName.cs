using System.Globalization;

namespace Mptcp.TestNetwork;

/// <summary>
/// Names that carry the owner's pid and when that process began, so that what a crashed owner left is told from what is in use,
/// also after the pid was given to another process.
/// </summary>
internal static class NamespaceName
{
    private const string Prefix = "mptcptest";

    private static readonly string s_owner = Owner(Environment.ProcessId)!;
    private static int s_count;

    public static string Next() => $"{Prefix}-{s_owner}-{Interlocked.Increment(ref s_count).ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Removes the namespaces of owners that crashed, and ends the programs that still run there.</summary>
    public static async Task RemoveLeftoversAsync()
    {
        var folder = new DirectoryInfo("/run/netns");
        foreach (var file in folder.Exists ? folder.GetFiles($"{Prefix}-*-*-*") : [])
        {
            if (!HasOwner(file.Name))
            {
                // Another test run may be removing it at the same moment, so nothing here needs to succeed.
                var pids = await Command.RunAsync("ip", ["netns", "pids", file.Name]);
                if (pids.ExitCode == 0 && pids.Output.Length > 0)
                {
                    await Command.RunAsync("kill", ["-KILL", .. pids.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)]);
                }

                await Command.RunAsync("ip", ["netns", "del", file.Name]);
            }
        }
    }

    private static bool HasOwner(string name)
    {
        var parts = name.Split('-');
        return int.TryParse(parts[1], CultureInfo.InvariantCulture, out var pid) && Owner(pid) == $"{parts[1]}-{parts[2]}";
    }

    /// <summary>The pid and the start time, in clock ticks since the machine's; null when no such process runs (proc_pid_stat(5)).</summary>
    private static string? Owner(int pid)
    {
        string stat;
        try
        {
            stat = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (IOException)
        {
            return null;
        }

        // The second field is the program's name, in parentheses, and may contain anything.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] == "Z" ? null : $"{pid}-{fields[22 - 3]}";
    }
}
