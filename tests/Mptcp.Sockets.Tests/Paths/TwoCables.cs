using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Two hosts on two cables, the second with addresses of its own and a way to the other host's first address.</summary>
internal sealed class TwoCables : IAsyncDisposable
{
    public static readonly IPAddress SecondServerAddress = IPAddress.Parse("198.18.1.1");
    public static readonly IPAddress SecondClientAddress = IPAddress.Parse("198.18.1.2");

    /// <summary>The device of the second cable, on both hosts.</summary>
    public const string DeviceName = "link1";

    /// <summary>The address id of the endpoint that a test adds.</summary>
    public const int EndpointId = 7;

    private TwoCables(MultipathNetwork hosts) => Hosts = hosts;

    public MultipathNetwork Hosts { get; }

    public NetworkNamespace Server => Hosts.Server;

    public NetworkNamespace Client => Hosts.Client;

    public static async Task<TwoCables> CreateAsync() => new(await MultipathNetwork.CreateAsync(links: 2, pathOpening: PathOpening.None));

    public static Task RunIpAsync(NetworkNamespace host, params string[] arguments) => Command.RunCheckedAsync("ip", ["-n", host.Name, .. arguments]);

    public static Task AddEndpointAsync(NetworkNamespace host, IPAddress address, params string[] flags) =>
        RunIpAsync(host, ["mptcp", "endpoint", "add", $"{address}", "dev", DeviceName, "id", $"{EndpointId}", .. flags]);

    public static Task ChangeEndpointAsync(NetworkNamespace host, params string[] flags) =>
        RunIpAsync(host, ["mptcp", "endpoint", "change", "id", $"{EndpointId}", .. flags]);

    public static Task DeleteEndpointAsync(NetworkNamespace host) => RunIpAsync(host, "mptcp", "endpoint", "delete", "id", $"{EndpointId}");

    public static async Task<int> GetSecondInterfaceIndexAsync(NetworkNamespace host) =>
        int.Parse(await host.ExecuteAsync("cat", $"/sys/class/net/{DeviceName}/ifindex"), CultureInfo.InvariantCulture);

    /// <summary>Listens on every address, as joins to a further one need; connects to the first address.</summary>
    public Connection Connect(AddressFamily family = AddressFamily.InterNetwork)
    {
        var any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        return Connection.Establish(Hosts, any, Hosts.ServerAddress);
    }

    public ValueTask DisposeAsync() => Hosts.DisposeAsync();
}
