using System.Globalization;

namespace Mptcp.Sockets.Doctor;

/// <summary>Reads <c>/proc/net/netstat</c>: pairs of lines with the same prefix, names in the first and values in the second.</summary>
internal static class CounterReader
{
    private const string Prefix = "MPTcpExt:";

    public static Dictionary<string, long> Read()
    {
        // Of this thread: /proc/net is that of the process, which may be in another network namespace.
        return ProcFile.TryRead("/proc/thread-self/net/netstat") is { } text ? Parse(text) : [];
    }

    public static Dictionary<string, long> Parse(string netstat)
    {
        var counters = new Dictionary<string, long>();
        var ours = netstat.Split('\n').Where(line => line.StartsWith(Prefix, StringComparison.Ordinal)).ToArray();
        if (ours is [var names, var values])
        {
            foreach (var (name, value) in ProcFile.Words(names).Skip(1).Zip(ProcFile.Words(values).Skip(1)))
            {
                if (long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                {
                    counters[name] = count;
                }
            }
        }

        return counters;
    }
}
