using System.Globalization;
using Mptcp.TestNetwork;

namespace Mptcp.Benchmarks.Network;

/// <summary>The most that the kernel gives each path to send from (the last number of <c>net.ipv4.tcp_wmem</c>).</summary>
internal static class SendBuffer
{
    public const int Small = 1 << 20;

    private const string Parameter = "net/ipv4/tcp_wmem";

    /// <summary>Sets it on a host, or leaves it at what the machine has.</summary>
    /// <returns>What it is now, to be shown.</returns>
    public static string Set(NetworkNamespace host, int? bytes)
    {
        var numbers = host.Run(() => File.ReadAllText($"/proc/sys/{Parameter}")).Split('\t', StringSplitOptions.TrimEntries);
        if (bytes is { } most)
        {
            numbers[2] = most.ToString(CultureInfo.InvariantCulture);
            host.SetParameter(Parameter, string.Join('\t', numbers));
        }

        return string.Create(CultureInfo.InvariantCulture, $"{double.Parse(numbers[2], CultureInfo.InvariantCulture) / (1 << 20):0.#} MiB");
    }
}
