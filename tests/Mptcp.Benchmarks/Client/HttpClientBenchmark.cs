using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mptcp.Benchmarks.Micro;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.Client;

/// <summary>
/// HttpClient over Multipath TCP against a plain SocketsHttpHandler, both with a server that speaks TCP only, and what that is made of.
/// </summary>
internal static class HttpClientBenchmark
{
    public const string ClientArgument = "http-client";

    private const string CongestionControl = "reno";

    // As EchoServer's.
    private const int Http1Port = 80;
    private const int Http2Port = 81;

    private static int s_pairs;

    private static readonly Uri s_http1 = new($"http://127.0.0.1:{Http1Port}/");
    private static readonly Uri s_http2 = new($"http://127.0.0.1:{Http2Port}/");

    /// <summary>Runs server and client, each in a process of its own, in a network namespace of their own.</summary>
    public static async Task RunAsync(Report report, Effort effort)
    {
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/ipv4/tcp_congestion_control", CongestionControl);
        var serverCore = Environment.ProcessorCount - 1;
        using var server = await TestServerProcess.StartAsync(
            TestServerProcess.Stock, ["--Address", "127.0.0.1", "--Http", $"{Http1Port}", "--H2c", $"{Http2Port}"], host,
            IsPinned ? ["taskset", "-c", $"{serverCore}"] : []);
        using var echo = RunningProgram.Start("ip", Arguments(host, [EchoServer.Argument], serverCore));
        await echo.WaitForTextAsync(EchoServer.Ready);
        var section = report.AddSection("HttpClient");
        section.Explain($"""
            GET of 13 bytes from Kestrel on TCP only, a process of its own{(IsPinned ? ", each on a core of its own" : "")}; over loopback, congestion control {CongestionControl}.
            "Fell back" is the Multipath TCP socket that our clients have with such a server; "plain" is a SocketsHttpHandler as it comes.
            """);
        var table = section.AddTable(Comparison.Columns);
        using var client = RunningProgram.Start("ip", Arguments(host, [ClientArgument, $"{effort.Pairs}"], processor: 0));
        var exitCode = await client.WaitForExitAsync(TimeSpan.FromMinutes(20));
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"The client ended with {exitCode}: {client.Error}");
        }

        foreach (var line in client.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            table.Add(line.Split('\t'));
        }
    }

    /// <summary>The client's process: prints the cells of the rows, with tabs between them.</summary>
    public static void Compare(int pairs)
    {
        s_pairs = pairs;
        WarmUpServer();
        foreach (var row in RoundTrips.Compare(pairs))
        {
            Print(row);
        }

        Compare("keep-alive, plain against itself", MptcpStatus.Unknown, Plain(), Plain());
        Compare("keep-alive, ours against plain", MptcpStatus.FellBack, Ours(), Plain());
        Compare("keep-alive, plain on a socket that fell back, against plain", MptcpStatus.Unknown, BareCallback(), Plain());
        Compare("keep-alive, ours on TCP (Disabled), against plain", MptcpStatus.Unavailable, Ours(MptcpMode.Disabled), Plain());
        Compare("keep-alive, ours on TCP without the returned handler, against plain", MptcpStatus.Unknown, WithoutOurHandler(), Plain());
        Compare("keep-alive, ours without TrackResponses against itself", MptcpStatus.Unknown, Ours(track: false), Ours(track: false));
        Compare("keep-alive, ours against ours without TrackResponses", MptcpStatus.FellBack, Ours(), Ours(track: false));
        Compare("keep-alive, ours without TrackResponses, against plain on a socket that fell back", MptcpStatus.Unknown, Ours(track: false), BareCallback());

        Compare("keep-alive with Send, ours against plain", MptcpStatus.FellBack, Ours(), Plain(), blocking: true);
        Compare("keep-alive with Send, plain on a socket that fell back, against plain", MptcpStatus.Unknown, BareCallback(), Plain(), blocking: true);
        Compare("keep-alive with Send, ours on TCP (Disabled), against plain", MptcpStatus.Unavailable, Ours(MptcpMode.Disabled), Plain(), blocking: true);

        Compare("16 at once, plain against itself", MptcpStatus.Unknown, Plain(), Plain(), atOnce: 16);
        Compare("16 at once, ours against plain", MptcpStatus.FellBack, Ours(), Plain(), atOnce: 16);
        Compare("16 at once, plain on sockets that fell back, against plain", MptcpStatus.Unknown, BareCallback(), Plain(), atOnce: 16);
        Compare("16 at once, ours on TCP (Disabled), against plain", MptcpStatus.Unavailable, Ours(MptcpMode.Disabled), Plain(), atOnce: 16);

        Compare("a connection each, ours against plain", MptcpStatus.FellBack, Closing(Ours()), Closing(Plain()), calls: 48);
        Compare("a connection each, plain on sockets that fell back, against plain", MptcpStatus.Unknown, Closing(BareCallback()), Closing(Plain()), calls: 48);
        Compare("a connection each, ours on TCP (Disabled), against plain", MptcpStatus.Unavailable, Closing(Ours(MptcpMode.Disabled)), Closing(Plain()), calls: 48);

        Compare("HTTP/2, ours against plain", MptcpStatus.FellBack, Http2(Ours()), Http2(Plain()));
        Compare("HTTP/2, plain on a socket that fell back, against plain", MptcpStatus.Unknown, Http2(BareCallback()), Http2(Plain()));
        Compare("HTTP/2, ours on TCP (Disabled), against plain", MptcpStatus.Unavailable, Http2(Ours(MptcpMode.Disabled)), Http2(Plain()));
        Compare("HTTP/2, ours against ours without TrackResponses", MptcpStatus.FellBack, Http2(Ours()), Http2(Ours(track: false)));
        Compare("HTTP/2, ours without TrackResponses, against plain on a socket that fell back", MptcpStatus.Unknown, Http2(Ours(track: false)), Http2(BareCallback()));
        Compare("HTTP/2, 16 at once, ours against plain", MptcpStatus.FellBack, Http2(Ours()), Http2(Plain()), atOnce: 16);
    }

    private static bool IsPinned => Environment.ProcessorCount > 1 && Command.Exists("taskset");

    private static IEnumerable<string> Arguments(NetworkNamespace host, string[] arguments, int processor)
    {
        string[] run = ["dotnet", typeof(HttpClientBenchmark).Assembly.Location, .. arguments];
        return IsPinned
            ? host.Wrap("taskset", ["-c", $"{processor}", .. run])
            : host.Wrap(run[0], run[1..]);
    }

    /// <param name="name">What is compared.</param>
    /// <param name="status">What the responses of <paramref name="ours"/> have to say: that what is measured is what the name says.</param>
    /// <param name="ours">A client.</param>
    /// <param name="rival">The client that it is compared with.</param>
    /// <param name="atOnce">How many requests are under way at any moment.</param>
    /// <param name="calls">How many requests a measurement takes.</param>
    /// <param name="blocking">Whether the thread waits in the call.</param>
    private static void Compare(string name, MptcpStatus status, HttpClient ours, HttpClient rival, int atOnce = 1, int calls = 96, bool blocking = false)
    {
        using (ours)
        using (rival)
        {
            CheckStatus(ours, status);
            Print(Comparison.Run(name, count => Run(ours, count), count => Run(rival, count), calls, s_pairs));
        }

        void Run(HttpClient client, int count)
        {
            if (blocking)
            {
                Send(client, count);
            }
            else
            {
                Get(client, count, atOnce);
            }
        }
    }

    private static void Print(string[] row) => Console.WriteLine(string.Join('\t', row));

    /// <summary>Long enough for its tiered compilation, which nobody tells us about.</summary>
    private static void WarmUpServer()
    {
        foreach (var client in new[] { Plain(), Http2(Plain()) })
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(4);)
            {
                Get(client, count: 100, atOnce: 1);
            }

            client.Dispose();
        }
    }

    private static void Send(HttpClient client, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Address(client));
            using var response = client.Send(request);
            Check(client, response);
        }
    }

    private static void Get(HttpClient client, int count, int atOnce)
    {
        var tasks = new Task[atOnce];
        for (var i = 0; i < atOnce; i++)
        {
            tasks[i] = GetAsync(client, count / atOnce);
        }

        Task.WaitAll(tasks);
    }

    private static async Task GetAsync(HttpClient client, int count)
    {
        var uri = Address(client);
        for (var i = 0; i < count; i++)
        {
            using var response = await client.GetAsync(uri).ConfigureAwait(false);
            Check(client, response);
        }
    }

    private static void Check(HttpClient client, HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK || response.Version != client.DefaultRequestVersion)
        {
            throw new InvalidOperationException($"{response}");
        }
    }

    private static void CheckStatus(HttpClient client, MptcpStatus expected)
    {
        using var response = client.GetAsync(Address(client)).GetAwaiter().GetResult();
        if (response.GetMptcpStatus() is var status && status != expected)
        {
            throw new InvalidOperationException($"The connection is {status}.");
        }
    }

    private static Uri Address(HttpClient client) => client.DefaultRequestVersion == HttpVersion.Version20 ? s_http2 : s_http1;

    private static SocketsHttpHandler Handler() => new() { UseProxy = false };

    private static HttpClient Plain() => new(Handler());

    private static HttpClient Ours(MptcpMode mode = MptcpMode.Preferred, bool track = true) =>
        new(Handler().UseMptcp(new MptcpConnectOptions { Mode = mode, TrackResponses = track }));

    private static HttpClient WithoutOurHandler()
    {
        var handler = Handler();
        handler.UseMptcp(new MptcpConnectOptions { Mode = MptcpMode.Disabled });
        return new HttpClient(handler);
    }

    /// <summary>Nothing of ours but the connect: what is left of the difference is the kernel's.</summary>
    private static HttpClient BareCallback()
    {
        var handler = Handler();
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            var result = await MptcpConnector.ConnectAsync(context.DnsEndPoint, null, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(result.Socket, ownsSocket: true);
        };
        return new HttpClient(handler);
    }

    private static HttpClient Closing(HttpClient client)
    {
        client.DefaultRequestHeaders.ConnectionClose = true;
        return client;
    }

    private static HttpClient Http2(HttpClient client)
    {
        client.DefaultRequestVersion = HttpVersion.Version20;
        client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        return client;
    }
}
