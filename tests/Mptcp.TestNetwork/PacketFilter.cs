namespace Mptcp.TestNetwork;

/// <summary>What stands in the way of the packets that come in by a device, on both hosts alike. Needs nftables.</summary>
internal sealed class PacketFilter(MultipathNetwork network, string device)
{
    private readonly string _cut = $"cut_{device}";
    private readonly string _middlebox = $"middlebox_{device}";

    public Task DropAsync() => AddAsync(_cut, "prerouting priority raw", "drop");

    public Task ResetAsync() => AddAsync(
        _cut,
        "input priority filter",
        // The reset that answers a segment comes in by this device on the other host.
        "tcp flags & rst == rst accept",
        "meta l4proto tcp reject with tcp reset",
        "drop");

    public async Task PassAsync()
    {
        foreach (var host in new[] { network.Server, network.Client })
        {
            await host.FilterAsync([$"delete table inet {_cut}"]);
        }
    }

    public Task StripMptcpOptionsAsync() => AddAsync(_middlebox, "prerouting priority mangle", "reset tcp option mptcp");

    private async Task AddAsync(string table, string hook, params string[] rules)
    {
        foreach (var host in new[] { network.Server, network.Client })
        {
            await host.FilterAsync(
            [
                $"add table inet {table}",
                $"add chain inet {table} in {{ type filter hook {hook}; }}",
                .. rules.Select(rule => $"add rule inet {table} in iifname {device} {rule}"),
            ]);
        }
    }
}
