using System.Net;

namespace Mptcp.TestNetwork;

/// <summary>
/// A server and a client on a cable, each in a network namespace. Faults of the network need a cable: on a loopback device the
/// kernel hands the sender's own packet to the receiver, with what MPTCP noted on it, whatever a firewall removed from its header.
/// </summary>
public sealed class HostPair : IAsyncDisposable
{
    private HostPair(NetworkNamespace server, NetworkNamespace client)
    {
        Server = server;
        Client = client;
    }

    public NetworkNamespace Server { get; }

    public NetworkNamespace Client { get; }

    public IPAddress ServerAddress { get; } = IPAddress.Parse("192.0.2.1");

    public IPAddress ClientAddress { get; } = IPAddress.Parse("192.0.2.2");

    public static async Task<HostPair> CreateAsync()
    {
        var pair = new HostPair(await NetworkNamespace.CreateAsync(), await NetworkNamespace.CreateAsync());
        await Command.RunCheckedAsync(
            "ip", "-n", pair.Server.Name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", pair.Client.Name);
        await AddAddressAsync(pair.Server, pair.ServerAddress);
        await AddAddressAsync(pair.Client, pair.ClientAddress);
        return pair;
    }

    /// <summary>A middlebox begins to remove the MPTCP options of every segment, in both directions. Needs nftables.</summary>
    public async Task StripMptcpOptionsAsync()
    {
        foreach (var host in new[] { Server, Client })
        {
            await host.ExecuteAsync("nft", "add", "table", "inet", "middlebox");
            await host.ExecuteAsync(
                "nft", "add", "chain", "inet", "middlebox", "in", "{ type filter hook prerouting priority mangle; }");
            await host.ExecuteAsync("nft", "add", "rule", "inet", "middlebox", "in", "reset", "tcp", "option", "mptcp");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Client.DisposeAsync();
    }

    private static async Task AddAddressAsync(NetworkNamespace host, IPAddress address)
    {
        await Command.RunCheckedAsync("ip", "-n", host.Name, "address", "add", $"{address}/24", "dev", "eth0");
        await Command.RunCheckedAsync("ip", "-n", host.Name, "link", "set", "eth0", "up");
    }
}
