using System.Net;

namespace Mptcp.TestNetwork;

/// <summary>
/// A server and a client, each in a network namespace, joined by one or more links. Faults of the network need such links: on a
/// loopback device the kernel hands the sender's own packet to the receiver, with what MPTCP noted on it, whatever a firewall
/// removed from its header. Needs root and iproute2.
/// </summary>
public sealed class MultipathNetwork : IAsyncDisposable
{
    /// <summary>A host has at most eight MPTCP endpoints, and each link takes one for either family.</summary>
    public const int MaximumLinks = 4;

    private readonly List<NetworkLink> _links = [];

    private MultipathNetwork(NetworkNamespace server, NetworkNamespace client, PathOpening pathOpening)
    {
        Server = server;
        Client = client;
        PathOpening = pathOpening;
    }

    public NetworkNamespace Server { get; }

    public NetworkNamespace Client { get; }

    public IReadOnlyList<NetworkLink> Links => _links;

    /// <summary>Who makes further paths open.</summary>
    public PathOpening PathOpening { get; }

    /// <summary>The server's IPv4 address on the first link, which is the one to connect to.</summary>
    public IPAddress ServerAddress => Links[0].ServerAddress;

    /// <summary>The client's IPv4 address on the first link.</summary>
    public IPAddress ClientAddress => Links[0].ClientAddress;

    /// <summary>Two hosts joined by links that are all alike.</summary>
    /// <param name="links">How many, at most <see cref="MaximumLinks"/>.</param>
    /// <param name="rate">Of each link; null is as fast as the machine is.</param>
    /// <param name="delay">One way.</param>
    /// <param name="loss">The share of packets lost, from 0 to 1.</param>
    /// <param name="pathOpening">Who makes further paths open.</param>
    /// <param name="congestionControl">
    /// On both hosts. Stated, because it decides what is measured, and a namespace would inherit whatever the machine's is. A
    /// namespace can choose what the machine allows it and keep what it inherits.
    /// </param>
    public static Task<MultipathNetwork> CreateAsync(
        int links = 2,
        Rate? rate = null,
        TimeSpan delay = default,
        double loss = 0,
        PathOpening pathOpening = PathOpening.ClientEndpoints,
        string congestionControl = "reno")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(links, 1);
        var settings = new LinkSettings { Rate = rate, Delay = delay, Loss = loss };
        return CreateAsync(Enumerable.Repeat(settings, links), pathOpening, congestionControl);
    }

    /// <summary>Two hosts joined by links with settings of their own.</summary>
    public static async Task<MultipathNetwork> CreateAsync(
        IEnumerable<LinkSettings> links,
        PathOpening pathOpening = PathOpening.ClientEndpoints,
        string congestionControl = "reno")
    {
        LinkSettings[] all = [.. links];
        ArgumentOutOfRangeException.ThrowIfZero(all.Length, nameof(links));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(all.Length, MaximumLinks, nameof(links));
        foreach (var settings in all)
        {
            settings.Validate();
        }

        var server = await NetworkNamespace.CreateAsync();
        NetworkNamespace client;
        try
        {
            client = await NetworkNamespace.CreateAsync();
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        var network = new MultipathNetwork(server, client, pathOpening);
        try
        {
            await network.BuildAsync(all, congestionControl);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>A middlebox on every link begins to remove the MPTCP options of every segment. Needs nftables.</summary>
    public async Task StripMptcpOptionsAsync()
    {
        foreach (var link in Links)
        {
            await link.StripMptcpOptionsAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            // An open socket keeps its namespace alive, and the devices with it, after the name is gone.
            foreach (var link in Links)
            {
                await link.DisposeAsync();
            }
        }
        finally
        {
            try
            {
                await Server.DisposeAsync();
            }
            finally
            {
                await Client.DisposeAsync();
            }
        }
    }

    private async Task BuildAsync(LinkSettings[] links, string congestionControl)
    {
        foreach (var host in new[] { Server, Client })
        {
            host.SetParameter("net/ipv4/tcp_congestion_control", congestionControl);

            // A packet comes in by one link that the route back would take another for. The stricter of "all" and the device's
            // own counts, and a device takes the default.
            host.SetParameter("net/ipv4/conf/all/rp_filter", "0");
            host.SetParameter("net/ipv4/conf/default/rp_filter", "0");
            await host.ConfigureAsync(["mptcp limits set subflows 8 add_addr_accepted 8"]);
        }

        foreach (var settings in links)
        {
            _links.Add(await NetworkLink.CreateAsync(this, _links.Count, settings));
        }
    }
}
