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
}
