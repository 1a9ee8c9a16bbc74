using System.Globalization;
using System.Net;
using Mptcp.TestNetwork.Wires;

namespace Mptcp.TestNetwork;

/// <summary>A link between the server and the client, with an address of either family at each end.</summary>
public sealed class NetworkLink
{
    private readonly MultipathNetwork _network;
    private readonly IWire _wire;
    private readonly PathEndpoints _endpoints;
    private readonly PacketFilter _filter;

    private NetworkLink(MultipathNetwork network, int index, LinkSettings settings, IWire wire)
    {
        _network = network;
        _wire = wire;
        Index = index;
        Settings = settings;
        DeviceName = GetDeviceName(index);

        // The addresses that RFC 2544 keeps for the test of network devices; for IPv6 unique local ones.
        ServerAddress = IPAddress.Parse($"198.18.{index}.1");
        ClientAddress = IPAddress.Parse($"198.18.{index}.2");
        ServerAddressV6 = IPAddress.Parse($"fd00:0:0:{index:x}::1");
        ClientAddressV6 = IPAddress.Parse($"fd00:0:0:{index:x}::2");

        _endpoints = new PathEndpoints(network, this);
        _filter = new PacketFilter(network, DeviceName);
    }

    /// <summary>From 0.</summary>
    public int Index { get; }

    /// <summary>The name of the network device, the same on both hosts.</summary>
    public string DeviceName { get; }

    public IPAddress ServerAddress { get; }

    public IPAddress ClientAddress { get; }

    public IPAddress ServerAddressV6 { get; }

    public IPAddress ClientAddressV6 { get; }

    /// <summary>What the link does to packets now.</summary>
    public LinkSettings Settings { get; private set; }

    /// <summary>How the link is broken, or null.</summary>
    public Cut? State { get; private set; }

    private int RoutingTable => 100 + Index;

    internal static async Task<NetworkLink> CreateAsync(MultipathNetwork network, int index, LinkSettings settings)
    {
        settings.Validate();
        var device = GetDeviceName(index);
        IWire wire = settings.Delay > TimeSpan.Zero || settings.Loss > 0
            ? LinkEmulator.Start(network.Server, network.Client, device, settings)
            : await VethCable.CreateAsync(network.Server, network.Client, device, settings);
        var link = new NetworkLink(network, index, settings, wire);
        try
        {
            await link.ConfigureAsync();
            return link;
        }
        catch
        {
            await wire.DisposeAsync();
            throw;
        }
    }

    /// <summary>Breaks the link.</summary>
    /// <exception cref="InvalidOperationException">It is broken already.</exception>
    public async Task CutAsync(Cut cut)
    {
        if (State is not null)
        {
            throw new InvalidOperationException($"Link {Index} is already cut: {State}.");
        }

        switch (cut)
        {
            case Cut.LinkDown:
                await _network.Client.ConfigureAsync([$"link set {DeviceName} down"]);
                break;
            case Cut.Silent:
                await _filter.DropAsync();
                break;
            case Cut.Reset:
                await _filter.ResetAsync();
                break;
            case Cut.AddressRemoved:
                await _endpoints.RemoveAsync(onServerToo: false);
                await _network.Client.ConfigureAsync(
                    [$"address del {ClientAddress}/24 dev {DeviceName}", $"address del {ClientAddressV6}/64 dev {DeviceName}"]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(cut), cut, null);
        }

        State = cut;
    }

    /// <summary>Mends the link. Does nothing when it is whole.</summary>
    /// <remarks>
    /// Subflows that were only waiting come back by themselves. One that was reset does not, for the kernel's path manager opens
    /// no path twice: see <see cref="RenewEndpointsAsync"/>.
    /// </remarks>
    public async Task RestoreAsync()
    {
        switch (State)
        {
            case Cut.LinkDown:
                // The device lost its routes and its IPv6 addresses.
                await ConfigureClientAsync();
                break;
            case Cut.Silent or Cut.Reset:
                await _filter.PassAsync();
                break;
            case Cut.AddressRemoved:
                await ConfigureClientAsync();
                await _endpoints.AddAsync();
                break;
        }

        State = null;
    }

    /// <summary>Makes the link faster or slower from the next packet on; null is as fast as the machine is.</summary>
    public async Task SetRateAsync(Rate? rate)
    {
        var settings = Settings with { Rate = rate };
        settings.Validate();
        await _wire.ChangeAsync(settings);
        Settings = settings;
    }

    /// <summary>
    /// Removes the path manager's endpoints of this link and adds them again, which is what makes the kernel open a path anew on
    /// the connections that there are.
    /// </summary>
    public async Task RenewEndpointsAsync()
    {
        await _endpoints.RemoveAsync(onServerToo: true);
        await _endpoints.AddAsync();
    }

    /// <summary>How many bytes came in and went out by the client's device so far.</summary>
    public (long Received, long Sent) CountBytes() => _network.Client.Run(() =>
    {
        // The name, then eight figures of what was received and eight of what was sent, bytes first.
        var fields = File.ReadLines("/proc/thread-self/net/dev").Single(line => line.TrimStart().StartsWith($"{DeviceName}:", StringComparison.Ordinal))
            .Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries);
        return (long.Parse(fields[1], CultureInfo.InvariantCulture), long.Parse(fields[9], CultureInfo.InvariantCulture));
    });

    /// <summary>A middlebox begins to remove the MPTCP options of every segment, in both directions. Needs nftables.</summary>
    public Task StripMptcpOptionsAsync() => _filter.StripMptcpOptionsAsync();

    internal ValueTask DisposeAsync() => _wire.DisposeAsync();

    private static string GetDeviceName(int index) => $"link{index}";

    private async Task ConfigureAsync()
    {
        await _network.Server.ConfigureAsync(
        [
            $"address add {ServerAddress}/24 dev {DeviceName}",
            $"address add {ServerAddressV6}/64 dev {DeviceName} nodad",
            $"link set {DeviceName} up",
        ]);

        // Packets leave by the link whose address they bear, also when they go to the server's address on another one.
        await _network.Client.ConfigureAsync([$"rule add from {ClientAddress} table {RoutingTable}"]);
        await _network.Client.ConfigureAsync([$"rule add from {ClientAddressV6} table {RoutingTable}"], ipv6: true);
        await ConfigureClientAsync();
        await _endpoints.AddAsync();
    }

    /// <summary>Can be repeated: what is there stays.</summary>
    private async Task ConfigureClientAsync()
    {
        await _network.Client.ConfigureAsync(
        [
            $"link set {DeviceName} up",
            $"address replace {ClientAddress}/24 dev {DeviceName}",
            $"address replace {ClientAddressV6}/64 dev {DeviceName} nodad",
            $"route replace default via {ServerAddress} dev {DeviceName} table {RoutingTable}",
        ]);
        await _network.Client.ConfigureAsync(
            [$"route replace default via {ServerAddressV6} dev {DeviceName} table {RoutingTable}"], ipv6: true);
    }
}
