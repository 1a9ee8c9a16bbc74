using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Mptcp.TestNetwork;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

/// <summary>By how much the process holds more than before.</summary>
internal sealed record Growth(long Descriptors, long Threads, long Heap, long Connections, int Sockets)
{
    public static readonly Growth None = new(0, 0, 0, 0, 0);

    /// <summary>
    /// That it is back, but for what a process's figures differ by from run to run: pooled sockets, workers of the thread pool, tables
    /// that have grown. Kestrel's buffers are not among them: it keeps one for each connection of those that end at once, and for how
    /// long is its own affair.
    /// </summary>
    public bool IsNotWorseThan(Growth stock) =>
        Descriptors <= Math.Max(stock.Descriptors, 0) + 4
        && Threads <= Math.Max(stock.Threads, 0) + 8
        && Heap <= Math.Max(stock.Heap, 0) + (256 * 1024)
        && Sockets == 0
        && Connections <= 0;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Descriptors:+0;-0;0} descriptors, {Threads:+0;-0;0} threads, {Heap / 1024.0:+0;-0;0} KiB heap, {Connections:+0;-0;0} listed, {Sockets} sockets left");
}

/// <summary>The test server, stock Kestrel or ours, on a host of its own, and those who abuse it.</summary>
internal sealed class Rival : IAsyncDisposable
{
    public static readonly string[] Both = [TestServerProcess.Stock, TestServerProcess.Mptcp];

    private static readonly JsonSerializerOptions s_web = new(JsonSerializerDefaults.Web);

    private static readonly bool[] s_kinds = [false, true];

    private readonly NetworkNamespace? _ownHost;

    private Rival(string transport, TestServerProcess process, NetworkNamespace server, NetworkNamespace clients, IPAddress address, NetworkNamespace? ownHost)
    {
        Transport = transport;
        Process = process;
        Server = server;
        Clients = clients;
        Http = new IPEndPoint(address, 80);
        Https = new IPEndPoint(address, 443);
        _ownHost = ownHost;
    }

    public string Transport { get; }

    public TestServerProcess Process { get; private set; }

    /// <summary>How long it is waited for to be as before. How long the stock server takes is no matter of the tests.</summary>
    public TimeSpan Patience => Transport == TestServerProcess.Stock ? TimeSpan.FromSeconds(Scale.Of(3, 60)) : TimeSpan.FromMinutes(1);

    /// <summary>The host of the server.</summary>
    public NetworkNamespace Server { get; }

    /// <summary>The host of the clients; the server's own where they come by its loopback device.</summary>
    public NetworkNamespace Clients { get; }

    public IPEndPoint Http { get; }

    public IPEndPoint Https { get; }

    /// <summary>Alone on a host, with clients that come by its loopback device.</summary>
    public static async Task<Rival> StartAsync(string transport, params string[] arguments)
    {
        var host = await NetworkNamespace.CreateAsync();
        try
        {
            Configure(host);
            var process = await TestServerProcess.StartAsync(transport, [.. Arguments("127.0.0.1"), .. arguments], host);
            return new Rival(transport, process, host, host, IPAddress.Loopback, host);
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>On the server of a network, with clients that come by its links.</summary>
    public static async Task<Rival> StartAsync(string transport, MultipathNetwork network, IEnumerable<string>? runner = null)
    {
        Configure(network.Server);
        Configure(network.Client);
        var process = await TestServerProcess.StartAsync(transport, Arguments("0.0.0.0"), network.Server, runner);
        return new Rival(transport, process, network.Server, network.Client, network.ServerAddress, ownHost: null);
    }

    /// <summary>What the command line of every test server here begins with. Ours logs what it does by default.</summary>
    public static string[] Arguments(string address) =>
        ["--Address", address, "--Http", "80", "--Https", "443", "--Logging:LogLevel:Mptcp.AspNetCore", "Information", "--CountPools", "true"];

    public static void Configure(NetworkNamespace host)
    {
        host.SetParameter("net/ipv4/tcp_congestion_control", "reno");
        host.SetParameter("net/ipv4/ip_local_port_range", "1024 65535");

        // Sockets whose process is through with them are the kernel's for so many seconds, 60 by default.
        host.SetParameter("net/ipv4/tcp_fin_timeout", "2");
        host.SetParameter("net/mptcp/close_timeout", "2");
        host.EndBlackholeDetection();
    }

    /// <summary>Does something so many times, on as many threads, all on the clients' host.</summary>
    public Task AbuseAsync(int threads, int count, Action<int> once)
    {
        var next = -1;
        return Task.WhenAll(Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(
            () => Clients.Run(() =>
            {
                for (int i; (i = Interlocked.Increment(ref next)) < count;)
                {
                    once(i);
                }
            }),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
    }

    /// <summary>A new process on the same ports, after the last one has ended.</summary>
    public async Task RestartAsync()
    {
        Process.Dispose();
        Process = await TestServerProcess.StartAsync(Transport, Arguments($"{Http.Address}"), Server);
    }

    public Peer Connect(bool mptcp, IPAddress? from = null) => Clients.Run(() => Peer.Connect(Http, mptcp, from));

    /// <summary>That it serves a new client of either kind.</summary>
    public void AssertServes() => Clients.Run(() =>
    {
        foreach (var mptcp in s_kinds)
        {
            using var peer = Peer.Connect(Http, mptcp);
            Assert.Equal("Hello, World!", peer.Get("/").Text);
        }
    });

    /// <summary>That nothing was logged: abuse is no news to a server. That MPTCP is on is said once.</summary>
    public void AssertNoErrors()
    {
        var errors = Process.Log.Where(line => !line.StartsWith("info: Mptcp.AspNetCore.Transport[1]", StringComparison.Ordinal));
        Assert.True(!errors.Any(), $"{Transport} logged:\n{string.Join('\n', errors.Take(3))}");
    }

    public ProcessFigures GetFigures(bool mptcp = false) => Clients.Run(() =>
    {
        using var peer = Peer.Connect(Http, mptcp);
        return JsonSerializer.Deserialize<ProcessFigures>(peer.Get("/figures").Text, s_web)!;
    });

    /// <summary>What it holds when nobody is connected any more.</summary>
    public async Task<ProcessFigures> GetBaselineAsync()
    {
        var settled = await SettleAsync(GetFigures(), growth => growth.Sockets == 0);
        Assert.Equal(0, settled.Sockets);
        return GetFigures();
    }

    /// <summary>Waits for the growth to be as it should, and tells what it is then, or after the time limit.</summary>
    public async Task<Growth> SettleAsync(ProcessFigures before, Func<Growth, bool> isBack, TimeSpan? limit = null, bool mptcp = false)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var now = GetFigures(mptcp);
            var growth = new Growth(
                now.Descriptors - before.Descriptors, now.Threads - before.Threads, now.Heap - before.Heap,
                now.Connections - before.Connections, await CountSocketsAsync());
            if (isBack(growth) || clock.Elapsed > (limit ?? TimeSpan.FromMinutes(1)))
            {
                return growth;
            }

            await Task.Delay(200);
        }
    }

    /// <summary>
    /// The server's sockets that are no longer its process's, or will not be for long: all but those that listen and those that the
    /// kernel only remembers (TIME-WAIT).
    /// </summary>
    public async Task<int> CountSocketsAsync()
    {
        var tcp = await Server.ExecuteAsync("ss", "-tanH", "( sport = :80 or sport = :443 )");
        var mptcp = await Server.ExecuteAsync("ss", "-ManH", "( sport = :80 or sport = :443 )");
        return (tcp + mptcp).Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line =>
            !line.StartsWith("LISTEN", StringComparison.Ordinal) && !line.StartsWith("TIME-WAIT", StringComparison.Ordinal));
    }

    /// <summary>A counter of the server's kernel, such as MPTcpExtMPJoinNoTokenFound.</summary>
    public async Task<long> CountAsync(string name)
    {
        var line = (await Server.ExecuteAsync("nstat", "-asz", name)).Split('\n').Single(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        Process.Dispose();
        if (_ownHost is not null)
        {
            await _ownHost.DisposeAsync();
        }
    }
}
