using System.Globalization;
using Mptcp.TestNetwork;

namespace Mptcp.TestServer;

/// <summary>What the process holds.</summary>
/// <param name="Descriptors">Open file descriptors.</param>
/// <param name="Threads">Threads of the process.</param>
/// <param name="Heap">Bytes on the managed heap; with <c>--CountPools true</c> without those that Kestrel keeps to use again.</param>
/// <param name="Resident">Bytes of memory.</param>
/// <param name="Processor">Milliseconds of processor time since it started.</param>
/// <param name="Connections">Connections that <c>UseMptcp</c> lists; -1 where it was not called.</param>
/// <param name="AcceptErrors">What <c>mptcp.server.accept.errors</c> counts.</param>
public sealed record ProcessFigures(
    long Descriptors, long Threads, long Heap, long Resident, long Processor, long Connections, long AcceptErrors);

/// <summary>The server as a process of its own, killed when disposed.</summary>
public sealed class TestServerProcess : IDisposable
{
    /// <summary>Kestrel as it comes.</summary>
    public const string Stock = "stock";

    /// <summary>With <c>UseMptcp</c>.</summary>
    public const string Mptcp = "mptcp";

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero });

    private TestServerProcess(RunningProgram program) => Program = program;

    public RunningProgram Program { get; }

    /// <summary>The lines of its log, but those about Kestrel's heartbeat, which tell that the machine is busy.</summary>
    public IEnumerable<string> Log => Program.Output.Split('\n').Where(line =>
        line.Length > 4 && line[4] == ':' && !line.Contains("heartbeat", StringComparison.Ordinal));

    /// <summary>What it listens on, in the order http, h2c, https of those that were asked for.</summary>
    public Uri[] Addresses =>
    [
        .. Program.Output.Split('\n').Where(line => line.StartsWith("Listening on ", StringComparison.Ordinal))
            .Select(line => new Uri(line["Listening on ".Length..])),
    ];

    /// <param name="transport"><see cref="Stock"/> or <see cref="Mptcp"/>.</param>
    /// <param name="arguments">Others of its arguments; without any it listens with HTTP/1.1 on 127.0.0.1, on a free port.</param>
    /// <param name="host">The host to run it on, instead of this one.</param>
    /// <param name="runner">What starts it, such as <c>mptcpize run</c> or <c>taskset -c 1</c>; all of them replace themselves by it.</param>
    /// <param name="environment">Environment variables for it.</param>
    public static async Task<TestServerProcess> StartAsync(
        string transport, IEnumerable<string>? arguments = null, NetworkNamespace? host = null,
        IEnumerable<string>? runner = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        string[] command =
        [
            .. host is null ? [] : host.Wrap("env", []).Prepend("ip"), .. runner ?? [],
            "dotnet", typeof(TestServerProcess).Assembly.Location, "--Transport", transport, .. arguments ?? ["--Http", "0"],
        ];
        var server = new TestServerProcess(RunningProgram.Start(command[0], command[1..], environment));
        try
        {
            await server.Program.WaitForTextAsync("The server is up.");
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Over a connection of its own, which is among what it tells. Not across hosts.</summary>
    public async Task<ProcessFigures> GetFiguresAsync(bool collect = true) => (await _client.GetFromJsonAsync<ProcessFigures>(
        new Uri(Addresses[0], string.Create(CultureInfo.InvariantCulture, $"/figures?collect={(collect ? "true" : "false")}"))))!;

    public void Dispose()
    {
        Program.Dispose();
        _client.Dispose();
    }
}
