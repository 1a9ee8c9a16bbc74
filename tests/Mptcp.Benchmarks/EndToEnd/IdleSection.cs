using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;
using Mptcp.TestServer;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>The memory of connections that do nothing.</summary>
internal static class IdleSection
{
    // What is made once, for the first connections, is not what one more costs.
    private const int Before = 500;

    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Idle connections");
        section.Explain(string.Create(CultureInfo.InvariantCulture, $"""
            {effort.IdleConnections:N0} connections more than {Before}, from ten addresses; each sent one request and then nothing. Bytes a connection of the
            server's process, after a collection that compacts: on the managed heap, and resident. A new process for each of {effort.IdleRounds} rounds;
            median, lowest and highest. What the kernel holds for a socket is not in it. Ours has for each connection the feature, which is its place
            in the list of connections too (104 B), the connection that has it and leaves the list at its end (48 B), and with MPTCP the reader that tells
            resets (32 B).
            """));
        var table = section.AddTable("server", "clients", "heap, B", "resident, B");
        (string Name, string Transport, bool IsMptcp)[] cases =
        [
            ("stock", TestServerProcess.Stock, false),
            ("ours", TestServerProcess.Mptcp, false),
            ("mptcpize stock", TestServerProcess.Stock, true),
            ("ours", TestServerProcess.Mptcp, true),
        ];
        var heap = cases.Select(_ => new List<double>()).ToArray();
        var resident = cases.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < effort.IdleRounds; round++)
        {
            for (var i = 0; i < cases.Length; i++)
            {
                var (name, transport, mptcp) = cases[i];
                var (onHeap, inAll) = await MeasureAsync(name, transport, mptcp, effort.IdleConnections);
                heap[i].Add(onHeap);
                resident[i].Add(inAll);
            }
        }

        for (var i = 0; i < cases.Length; i++)
        {
            table.Add(cases[i].Name, cases[i].IsMptcp ? "MPTCP" : "TCP", Text(heap[i]), Text(resident[i]));
        }

        for (var i = 0; i < cases.Length; i += 2)
        {
            var what = $"Memory of an idle connection, {(cases[i].IsMptcp ? "MPTCP" : "TCP")} clients: ours − {cases[i].Name}";
            report.Targets.AtMost($"{what}, heap, B", Median(heap[i + 1]) - Median(heap[i]), 256);
            report.Targets.AtMost($"{what}, resident, B", Median(resident[i + 1]) - Median(resident[i]), 256);
        }

        static double Median(List<double> values) => new Spread(values).Median;
        static string Text(List<double> values) => string.Create(
            CultureInfo.InvariantCulture, $"{new Spread(values).Median:F0} ({new Spread(values).Minimum:F0} to {new Spread(values).Maximum:F0})");
    }

    private static async Task<(double Heap, double Resident)> MeasureAsync(string name, string transport, bool mptcp, int count)
    {
        await using var arena = await Arena.CreateAsync();
        var server = await arena.StartKestrelAsync(name, transport, mptcpize: mptcp && transport == TestServerProcess.Stock);
        using var client = CreateClient(arena, server);
        var sockets = new List<Socket>();
        try
        {
            arena.Host.Run(() => Open(sockets, server.Http, mptcp, Before));
            var before = await client.GetFromJsonAsync<ProcessFigures>("/figures");
            arena.Host.Run(() => Open(sockets, server.Http, mptcp, count));
            var after = await client.GetFromJsonAsync<ProcessFigures>("/figures");
            if (after!.Descriptors - before!.Descriptors is var open && open < count)
            {
                throw new InvalidOperationException($"{name}: {open} connections instead of {count}.");
            }

            return ((double)(after.Heap - before.Heap) / count, (double)(after.Resident - before.Resident) / count);
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }

    private static void Open(List<Socket> sockets, int port, bool mptcp, int count)
    {
        var request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8;
        var buffer = new byte[1024];
        for (var i = 0; i < count; i++)
        {
            var socket = mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 0, (byte)(2 + (i % 10))]), 0));
            socket.Connect(IPAddress.Loopback, port);
            socket.Send(request);
            for (var text = ""; !text.EndsWith("Hello, World!", StringComparison.Ordinal);)
            {
                var received = socket.Receive(buffer);
                text = received > 0 ? text + System.Text.Encoding.ASCII.GetString(buffer, 0, received) : throw new InvalidOperationException("Closed.");
            }
        }

        if (mptcp && MptcpSocket.GetStatus(sockets[^1]) is var status && status != MptcpStatus.Active)
        {
            throw new InvalidOperationException($"The connection is {status}.");
        }
    }

    /// <summary>On the host of the server.</summary>
    private static HttpClient CreateClient(Arena arena, ServerUnderTest server) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = (context, _) => arena.Host.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, context.DnsEndPoint.Port);
            return ValueTask.FromResult<Stream>(new NetworkStream(socket, ownsSocket: true));
        }),
    })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{server.Http}"),
        Timeout = TimeSpan.FromMinutes(2),
    };
}
