using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Drain;

/// <summary>Paths of live connections while the server drains, with the commands of docs/operations.md. On links as MultipathTests has them.</summary>
[Collection(nameof(MultipathTests))]
public sealed class DrainPathsTests
{
    private const int Port = 8080;
    private const int JoinPort = 8081;
    private const int Count = 60_000_000;

    public DrainPathsTests()
    {
        Requires.Namespaces();
        Requires.Programs("nft");
    }

    [Fact]
    public async Task Terminate_EndpointWithItsOwnPort_GainsAPathAndSurvivesTheCutOfTheFirst()
    {
        await using var network = await CreateNetworkAsync();
        using var server = await StartAsync(network);
        using var download = await Download.BeginAsync(network);
        await DrainAsync(network, server);
        Assert.Single(download.Subflows);

        await network.Server.ConfigureAsync([$"mptcp endpoint add {network.Links[1].ServerAddress} dev {network.Links[1].DeviceName} signal port {JoinPort}"]);
        await download.ReadUntilAsync(() => download.Received > 1_000_000 && download.Subflows.Count == 2);
        var before = download.Received;
        await network.Links[0].CutAsync(Cut.Silent);
        await download.ReadToEndAsync();

        // Most of it came after the cut, by the path that was gained.
        Assert.InRange(before, 1, Count / 2);
        Assert.Contains(download.Subflows, subflow => subflow.RemoteEndPoint.Equals(new IPEndPoint(network.Links[1].ServerAddress, JoinPort)));
        Assert.True(await server.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)) == 0, server.Program.Error);
    }

    /// <summary>The difference is the port: the client tries, and nobody listens.</summary>
    [Fact]
    public async Task Terminate_EndpointWithoutItsOwnPort_GainsNoPath()
    {
        await using var network = await CreateNetworkAsync();
        using var server = await StartAsync(network);
        using var download = await Download.BeginAsync(network);
        await DrainAsync(network, server);

        await network.Server.ConfigureAsync([$"mptcp endpoint add {network.Links[1].ServerAddress} dev {network.Links[1].DeviceName} signal"]);
        await download.ReadUntilAsync(() => JoinsTried(network) > 0);
        await download.ReadToEndAsync(() => Assert.Single(download.Subflows, subflow => subflow.State == TcpState.Established));
        Assert.True(await server.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)) == 0, server.Program.Error);
    }

    private static Task<MultipathNetwork> CreateNetworkAsync() =>
        MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50), pathOpening: PathOpening.None);

    private static Task<TestServerProcess> StartAsync(MultipathNetwork network) => TestServerProcess.StartAsync(
        TestServerProcess.Mptcp, ["--Address", "0.0.0.0", "--Http", $"{Port}", "--ShutdownTimeout", "3600"], network.Server);

    private static async Task DrainAsync(MultipathNetwork network, TestServerProcess server)
    {
        await server.Program.TerminateAsync();
        await Wait.UntilAsync(() =>
        {
            using var socket = network.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            try
            {
                socket.Connect(network.ServerAddress, Port);
                return false;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                // Reset: it stopped listening while this one connected.
                return e.SocketErrorCode == SocketError.ConnectionRefused;
            }
        });
    }

    private static long JoinsTried(MultipathNetwork network)
    {
        var lines = network.Client.Run(() => File.ReadAllLines("/proc/thread-self/net/netstat")).Where(line => line.StartsWith("MPTcpExt:", StringComparison.Ordinal)).ToArray();
        return long.Parse(lines[1].Split(' ')[Array.IndexOf(lines[0].Split(' '), "MPJoinSynTx")], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>A download of which every byte is checked when it comes.</summary>
    private sealed class Download : IDisposable
    {
        private readonly Socket _socket;
        private readonly byte[] _buffer = new byte[1 << 16];

        private Download(Socket socket) => _socket = socket;

        public long Received { get; private set; }

        public MptcpSubflowList Subflows => MptcpSocket.GetSubflows(_socket);

        public static async Task<Download> BeginAsync(MultipathNetwork network)
        {
            var download = new Download(network.Client.Run(() => MptcpSocket.Create(AddressFamily.InterNetwork)));
            await download._socket.ConnectAsync(network.ServerAddress, Port);
            await download._socket.SendAsync(Encoding.ASCII.GetBytes($"GET /bytes/{Count} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n"));
            var header = new StringBuilder();
            for (var one = new byte[1]; !header.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal); header.Append((char)one[0]))
            {
                Assert.Equal(1, await download._socket.ReceiveAsync(one));
            }

            Assert.StartsWith("HTTP/1.1 200 OK\r\n", header.ToString());
            return download;
        }

        public async Task ReadUntilAsync(Func<bool> condition)
        {
            while (!condition())
            {
                Assert.True(await ReadAsync(), "The download ended before it happened.");
            }
        }

        public async Task ReadToEndAsync(Action? check = null)
        {
            do
            {
                if (Received < Count)
                {
                    check?.Invoke();
                }
            }
            while (Received < Count && await ReadAsync());
            Assert.Equal(Count, Received);
        }

        public void Dispose() => _socket.Dispose();

        private async Task<bool> ReadAsync()
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
            var count = await _socket.ReceiveAsync(_buffer, limit.Token);
            for (var i = 0; i < count; i++, Received++)
            {
                if (_buffer[i] != (byte)(Received % 251))
                {
                    Assert.Fail($"Byte {Received} is wrong.");
                }
            }

            return count > 0;
        }
    }
}
