using System.Globalization;

namespace Mptcp.TestNetwork.Tests;

/// <summary>What the kernel says of a host.</summary>
internal static class Hosts
{
    /// <summary>Local and remote addresses, without ports, of the established subflows that <c>ss</c> lists.</summary>
    public static async Task<IReadOnlyList<(string Local, string Remote)>> GetSubflowsAsync(NetworkNamespace host)
    {
        var lines = (await host.ExecuteAsync("ss", "-tnHiO", "state", "established")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return
        [
            .. lines
                .Where(line => line.Contains("tcp-ulp-mptcp", StringComparison.Ordinal))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(fields => (Address(fields[2]), Address(fields[3])))
                .Order(),
        ];

        static string Address(string endPoint) => endPoint[..endPoint.LastIndexOf(':')].Split('%')[0].Trim('[', ']');
    }

    /// <summary>The bytes that came in by a device.</summary>
    public static long GetReceivedBytes(NetworkNamespace host, string device) => host.Run(() =>
    {
        var line = File.ReadLines("/proc/thread-self/net/dev").Single(line => line.Trim().StartsWith($"{device}:", StringComparison.Ordinal));
        return long.Parse(line.Split(':')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
    });
}
