using System.Globalization;

namespace Mptcp.TestNetwork.Wires;

/// <summary>A pair of virtual Ethernet devices, with a token bucket at each end for the rate. The kernel does all the work.</summary>
internal sealed class VethCable : IWire
{
    private readonly NetworkNamespace _server;
    private readonly NetworkNamespace _client;
    private readonly string _device;

    private VethCable(NetworkNamespace server, NetworkNamespace client, string device)
    {
        _server = server;
        _client = client;
        _device = device;
    }

    public static async Task<VethCable> CreateAsync(
        NetworkNamespace server, NetworkNamespace client, string device, LinkSettings settings)
    {
        await server.ConfigureAsync([$"link add {device} type veth peer name {device} netns {client.Name}"]);
        var cable = new VethCable(server, client, device);
        await cable.ChangeAsync(settings);
        return cable;
    }

    public async Task ChangeAsync(LinkSettings settings)
    {
        foreach (var host in new[] { _server, _client })
        {
            if (settings.Rate is { } rate)
            {
                await Command.RunCheckedAsync(
                    "tc", "-n", host.Name, "qdisc", "replace", "dev", _device, "root", "tbf",
                    "rate", string.Create(CultureInfo.InvariantCulture, $"{rate.BitsPerSecond}bit"),
                    "burst", "32k",
                    "latency", string.Create(CultureInfo.InvariantCulture, $"{settings.Queue.TotalMicroseconds:0}us"));
            }
            else
            {
                // Fails where none was set.
                await Command.RunAsync("tc", ["-n", host.Name, "qdisc", "delete", "dev", _device, "root"]);
            }
        }
    }

    /// <summary>Not checked: who looks at what happens without a device may have removed it.</summary>
    public async ValueTask DisposeAsync() => await Command.RunAsync("ip", ["-n", _client.Name, "link", "delete", _device]);
}
