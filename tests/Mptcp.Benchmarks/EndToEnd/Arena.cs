using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>
/// One host on whose loopback device everything runs: a network namespace with reno, the servers on one core, the clients on another.
/// </summary>
internal sealed class Arena : IAsyncDisposable
{
    public const string CongestionControl = "reno";

    private const int ClientCore = 0;

    private readonly List<IDisposable> _programs = [];
    private int _nextPort = 80;
    private int _nextAddress;

    private Arena(NetworkNamespace host) => Host = host;

    public NetworkNamespace Host { get; }

    public static async Task<Arena> CreateAsync()
    {
        // The clients' as well as the servers': children inherit it. A container may forbid it, and allow enough all the same: 10,000
        // connections need little more than as many descriptors at either end.
        await Command.RunAsync("prlimit", ["--pid", $"{Environment.ProcessId}", "--nofile=65536:65536"]);
        var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/ipv4/tcp_congestion_control", CongestionControl);

        // The servers have the ports below.
        host.SetParameter("net/ipv4/ip_local_port_range", "1024\t65535");

        // Ten thousand connections at once overflow the queue of any of them.
        host.EndBlackholeDetection();
        return new Arena(host);
    }

    /// <param name="name">What the tables call it.</param>
    /// <param name="transport"><see cref="TestServerProcess.Stock"/> or <see cref="TestServerProcess.Mptcp"/>.</param>
    /// <param name="mptcpize">Whether it runs under <c>mptcpize</c>.</param>
    public async Task<ServerUnderTest> StartKestrelAsync(string name, string transport, bool mptcpize = false)
    {
        var ports = TakePorts();
        var server = await TestServerProcess.StartAsync(
            transport,
            ["--Address", "0.0.0.0", "--Http", $"{ports[0]}", "--H2c", $"{ports[1]}", "--Https", $"{ports[2]}"],
            Host,
            [.. Pin(IsPinned ? 1 : 0), .. mptcpize ? ["mptcpize", "run"] : Array.Empty<string>()]);
        _programs.Add(server);
        return new ServerUnderTest(name, server.Program.Id, ports);
    }

    /// <summary>nginx under <c>mptcpize</c>, with the answers of the test server: 13 bytes, and 1 MB.</summary>
    public async Task<ServerUnderTest> StartNginxAsync(string name)
    {
        var ports = TakePorts();
        var settings = $$"""
            sendfile on;
            tcp_nopush on;
            keepalive_requests 1000000000;
            server {
                listen {{ports[0]}} backlog=4096;
                listen {{ports[1]}} http2 backlog=4096;
                listen {{ports[2]}} ssl backlog=4096;
                ssl_certificate certificate.pem;
                ssl_certificate_key key.pem;
                ssl_protocols TLSv1.2 TLSv1.3;
                root .;
                location = / { return 200 "Hello, World!"; }
            }
            """;
        var server = await NginxProcess.StartAsync(ports[0], settings, FillAsync, Host, [.. Pin(IsPinned ? 1 : 0), "mptcpize", "run"]);
        _programs.Add(server);
        return new ServerUnderTest(name, server.Program.Id, ports) { IsWarm = true };

        static async Task FillAsync(string folder)
        {
            Directory.CreateDirectory(Path.Combine(folder, "bytes"));
            await File.WriteAllBytesAsync(Path.Combine(folder, $"bytes/{Workload.LargeBody}"), new byte[Workload.LargeBody]);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            await File.WriteAllTextAsync(Path.Combine(folder, "certificate.pem"), certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(Path.Combine(folder, "key.pem"), key.ExportPkcs8PrivateKeyPem());
        }
    }

    /// <summary>Starts a client.</summary>
    public RunningProgram StartClient(bool mptcp, IEnumerable<string> command)
    {
        string[] all = [.. Pin(ClientCore), .. mptcp ? ["mptcpize", "run"] : Array.Empty<string>(), .. command];
        return RunningProgram.Start("ip", Host.Wrap(all[0], all[1..]));
    }

    /// <summary>Another one each time: connections in TIME_WAIT then don't use up the ports. The servers listen on all.</summary>
    public IPAddress NextAddress()
    {
        var number = Interlocked.Increment(ref _nextAddress);
        return new IPAddress([127, 1, (byte)(number >> 8), (byte)number]);
    }

    /// <summary>What the kernel of this host has counted about Multipath TCP.</summary>
    public IReadOnlyDictionary<string, long> ReadCounters() => Host.Run(MptcpHost.ReadCounters);

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _programs)
        {
            program.Dispose();
        }

        await Host.DisposeAsync();
    }

    public static bool IsPinned => Environment.ProcessorCount > 1;

    private static string[] Pin(int core) => ["taskset", "-c", $"{core}"];

    private int[] TakePorts() => [_nextPort++, _nextPort++, _nextPort++];
}

/// <summary>A server, and its ports for HTTP/1.1, HTTP/2 and HTTPS.</summary>
internal sealed class ServerUnderTest(string name, int processId, int[] ports)
{
    public string Name => name;

    public int ProcessId => processId;

    /// <summary>Whether it was loaded before, or is of a kind that nobody compiles while it runs.</summary>
    public bool IsWarm { get; set; }

    public int Http => ports[0];

    public int H2c => ports[1];

    public int Https => ports[2];
}
