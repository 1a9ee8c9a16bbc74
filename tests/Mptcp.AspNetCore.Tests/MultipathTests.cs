using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Two hosts on two links. Nothing else runs meanwhile: what a cut does depends on when it comes.</summary>
[Collection(nameof(MultipathTests))]
[CollectionDefinition(nameof(MultipathTests), DisableParallelization = true)]
public sealed class MultipathTests
{
    public MultipathTests()
    {
        Requires.Namespaces();
        Requires.Programs("ss", "nft");
    }

    [Fact]
    public async Task GetSubflows_DownloadOverTwoLinks_AreThoseOfTheTopologyAndOfSs()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50));
        var accepted = new TaskCompletionSource<IMptcpFeature>();
        await using var server = await MultipathServer.StartAsync(network, builder => builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.ConfigureEndpointDefaults(listen => listen.Use(next => connection =>
            {
                accepted.TrySetResult(connection.Features.Get<IMptcpFeature>()!);
                return next(connection);
            }))));
        using var client = new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) };
        var download = DownloadAsync(client, 20_000_000);
        var feature = await accepted.Task.WaitAsync(TimeSpan.FromSeconds(30));

        // In the middle of it: counters of before and after enclose those of ss.
        await Wait.UntilAsync(() => feature.GetSubflows() is { Count: 2 } all && all.All(subflow => subflow.BytesSent > 1_000_000));
        var before = (MptcpSubflowList)feature.GetSubflows();
        var statistics = (await network.Server.ExecuteAsync("ss", "-tnHiO", "state", "established")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var after = (MptcpSubflowList)feature.GetSubflows();

        var port = server.Address.Port;
        Assert.Equal(
            network.Links.Select(link => link.ClientAddress), before.Select(subflow => subflow.RemoteEndPoint.Address).OrderBy(address => address.ToString()));
        Assert.Equal([1, 2], before.Select(subflow => subflow.Id!.Value).Order());
        Assert.All(before, subflow => Assert.Equal(port, subflow.LocalEndPoint.Port));
        Assert.Equal(2, before.Connection.Info?.Subflows);
        foreach (var (first, second) in before.Zip(after))
        {
            Assert.Equal((first.Id, first.ToString()), (second.Id, second.ToString()));
            var line = Assert.Single(statistics, line =>
                line.Contains($" {first.LocalEndPoint} ", StringComparison.Ordinal) && line.Contains($" {first.RemoteEndPoint} ", StringComparison.Ordinal));
            Assert.InRange(Figure(line, "bytes_sent:"), first.BytesSent, second.BytesSent);
            Assert.InRange(Figure(line, "bytes_acked:"), first.BytesAcknowledged, second.BytesAcknowledged);
            Assert.InRange(Figure(line, "bytes_received:"), first.BytesReceived, second.BytesReceived);
        }

        Assert.Equal(MptcpStatus.Active, await download);
        var end = (MptcpSubflowList)feature.GetSubflows();

        // What the paths carried is what the connection carried, and what was sent twice.
        var info = end.Connection.Info!.Value;
        var onPaths = end.Sum(subflow => subflow.BytesSent - subflow.BytesRetransmitted);
        Assert.InRange(onPaths, info.BytesSent!.Value, info.BytesSent.Value + info.BytesRetransmitted!.Value);
        Assert.All(end, subflow => Assert.True(subflow.BytesSent > 2_000_000));
    }

    public static TheoryData<string, Cut> Cuts
    {
        get
        {
            var data = new TheoryData<string, Cut>();
            foreach (var protocol in new[] { "download/1.1", "upload/1.1", "download/2", "websocket" })
            {
                foreach (var cut in Enum.GetValues<Cut>())
                {
                    data.Add(protocol, cut);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task Transfer_EachLinkCutInTurn_EveryByteArrives(string protocol, Cut cut)
    {
        // On a busy host the first cut can take so long that nothing is left for the second.
        for (long count = 200_000_000; !await CutEachLinkAsync(protocol, cut, count); count *= 2)
        {
            Assert.True(count < 800_000_000, "Too fast to be cut.");
        }
    }

    /// <returns>False when so many bytes were through before each link was cut.</returns>
    private static async Task<bool> CutEachLinkAsync(string protocol, Cut cut, long count)
    {
        const long Part = 5_000_000;
        await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(200));
        await using var server = await MultipathServer.StartAsync(network, tls: protocol == "download/2", watchPaths: true);
        using var handler = MultipathServer.CreateHandler(network);
        using var client = new HttpClient(handler, disposeHandler: false)
        {
            BaseAddress = MultipathServer.AddressOf(server, network),
            DefaultRequestVersion = protocol == "download/2" ? HttpVersion.Version20 : HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        var progress = new Progress();
        var transfer = protocol switch
        {
            "upload/1.1" => UploadAsync(client, count, progress),
            "websocket" => ReceiveAsync(handler, client.BaseAddress, count, progress),
            _ => DownloadAsync(client, count, progress),
        };

        await progress.UntilAsync(Part, transfer);
        foreach (var link in network.Links)
        {
            if (transfer.IsCompleted)
            {
                await transfer;
                return false;
            }

            await link.CutAsync(cut);
            await progress.UntilAsync(progress.Bytes + Part, transfer);
            var carried = Carried(link);
            await link.RestoreAsync();
            await progress.UntilAsync(progress.Bytes + Part, transfer);

            // What was reset or whose address went away is gone for good, to the kernel; its endpoint opens it anew. The next cut waits
            // until it did, or there would be no path at all.
            if (cut is Cut.Reset or Cut.AddressRemoved || CountOf("PathLost") >= CountOf("PathAdded"))
            {
                await link.RenewEndpointsAsync();
            }

            await Wait.UntilAsync(() => CountOf("PathAdded") > CountOf("PathLost"));

            // A path that comes back waits for its retransmission timer, and is none until then.
            await Wait.UntilAsync(() => transfer.IsCompleted || Carried(link) > carried + (Part / 5));
            await progress.UntilAsync(progress.Bytes + Part, transfer);
        }

        await progress.UntilAsync(count, transfer);
        Assert.Equal(protocol == "websocket" ? null : MptcpStatus.Active, await transfer);
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{protocol}, {cut}: longest time without progress {progress.LongestStall.TotalMilliseconds:F0} ms (reno)"));
        Assert.DoesNotContain(server.Log.All, line => line.Level >= LogLevel.Error || line.Exception is not null);

        // The kernel closes a path that is reset or whose address goes, and keeps one that is silent. Each is there again in the end:
        // one that was lost was added once more.
        if (cut is Cut.Reset or Cut.AddressRemoved)
        {
            Assert.InRange(CountOf("PathLost"), 2, int.MaxValue);
        }

        return true;

        static long Carried(NetworkLink link)
        {
            var (received, sent) = link.CountBytes();
            return received + sent;
        }

        int CountOf(string eventName) => server.Log.Ours.Count(line => line.Event.Name == eventName);
    }

    [Fact]
    public async Task Status_OptionsStrippedFromTheSyn_NotNegotiatedAndServed()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 1);
        await network.StripMptcpOptionsAsync();
        await using var server = await MultipathServer.StartAsync(network);
        using var client = new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) };
        using var response = await client.GetAsync("/");
        Assert.Equal("not-negotiated", await response.Content.ReadAsStringAsync());
        Assert.Equal(["not-negotiated"], response.Headers.GetValues("Mptcp-Status"));
        Assert.Equal(MptcpStatus.FellBack, response.GetMptcpStatus());
        Assert.Equal(MptcpStatus.FellBack, await DownloadAsync(client, 1_000_000));
    }

    [Fact]
    public async Task GetSubflows_AllPathsReset_ShownAsLost()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2);
        var listener = network.Server.Run(() =>
        {
            var socket = MptcpSocket.Create(AddressFamily.InterNetwork);
            socket.Bind(new IPEndPoint(IPAddress.Any, 0));
            socket.Listen();
            return socket;
        });
        using var client = network.Client.Run(() => MptcpSocket.Create(AddressFamily.InterNetwork));
        await client.ConnectAsync(network.ServerAddress, ((IPEndPoint)listener.LocalEndPoint!).Port);
        using var accepted = await listener.AcceptAsync();
        await client.SendAsync(new byte[1000]);
        await Wait.UntilAsync(() => MptcpSocket.GetSubflows(accepted).Count == 2);
        foreach (var link in network.Links)
        {
            await link.CutAsync(Cut.Reset);
        }

        // Whoever sends meets the resets, which take one path after the other.
        await accepted.SendAsync(new byte[1000]);
        var subflows = MptcpSocket.GetSubflows(accepted);
        await Wait.UntilAsync(() =>
        {
            subflows = MptcpSocket.GetSubflows(accepted);
            return subflows.All(subflow => subflow.IsClosed) && subflows.Connection.Info?.Subflows == 0;
        });
        Assert.Equal(MptcpStatus.Active, subflows.Connection.Status);
        Assert.True(subflows.Count > 0 || subflows.WhyEmpty!.Contains("all subflows are lost", StringComparison.Ordinal));
        listener.Dispose();
    }

    private static long Figure(string line, string name) =>
        line.Split(' ').FirstOrDefault(field => field.StartsWith(name, StringComparison.Ordinal)) is { } field
            ? long.Parse(field[name.Length..], CultureInfo.InvariantCulture)
            : 0;

    /// <returns>What the client's end says of the connection.</returns>
    private static async Task<MptcpStatus?> DownloadAsync(HttpClient client, long count, Progress? progress = null)
    {
        using var response = await client.GetAsync($"/download/{count}", HttpCompletionOption.ResponseHeadersRead);
        await using var body = await response.Content.ReadAsStreamAsync();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Blocks.Size];
        while (await body.ReadAsync(buffer) is var read and > 0)
        {
            hash.AppendData(buffer.AsSpan(0, read));
            progress?.Add(read);
        }

        Assert.Equal(Blocks.HashOf(count), Convert.ToHexString(hash.GetHashAndReset()));
        return response.GetMptcpStatus();
    }

    private static async Task<MptcpStatus?> UploadAsync(HttpClient client, long count, Progress progress)
    {
        using var content = new BlockContent(count, progress);
        using var response = await client.PostAsync("/upload", content);
        Assert.Equal(Blocks.HashOf(count), await response.Content.ReadAsStringAsync());
        return response.GetMptcpStatus();
    }

    /// <returns>Null: a ClientWebSocket does not hand out its response.</returns>
    private static async Task<MptcpStatus?> ReceiveAsync(HttpMessageHandler handler, Uri server, long count, Progress progress)
    {
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(server) { Scheme = "ws", Path = $"/ws/{count}" }.Uri, invoker, default);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Blocks.Size];
        ValueWebSocketReceiveResult received;
        while ((received = await socket.ReceiveAsync(buffer.AsMemory(), default)).MessageType == WebSocketMessageType.Binary)
        {
            hash.AppendData(buffer.AsSpan(0, received.Count));
            progress.Add(received.Count);
        }

        // The server waits for the answer to its close, and would tell of an exception without it.
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        Assert.Equal(Blocks.HashOf(count), Convert.ToHexString(hash.GetHashAndReset()));
        return null;
    }

    private sealed class BlockContent(long count, Progress progress) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var block in Blocks.Of(count))
            {
                await stream.WriteAsync(block);
                progress.Add(block.Length);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = count;
            return true;
        }
    }

    /// <summary>How far a transfer is, and the longest time it stood still.</summary>
    private sealed class Progress
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private long _bytes;
        private TimeSpan _last;

        public long Bytes => Interlocked.Read(ref _bytes);

        public TimeSpan LongestStall { get; private set; }

        public void Add(int count)
        {
            Interlocked.Add(ref _bytes, count);
            var now = _clock.Elapsed;
            LongestStall = now - _last > LongestStall && _last != default ? now - _last : LongestStall;
            _last = now;
        }

        /// <summary>
        /// As long as something comes: on a busy host the kernel may go on giving data to a path that is cut (it is never counted as
        /// stale), and send each part again on the other when a timer ends, some 0.1 to 1 MB in a second.
        /// </summary>
        public async Task UntilAsync(long bytes, Task transfer)
        {
            var (clock, seen) = (Stopwatch.StartNew(), Bytes);
            while (Bytes < bytes && !transfer.IsCompleted)
            {
                if (Bytes > seen)
                {
                    (clock, seen) = (Stopwatch.StartNew(), Bytes);
                }

                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{Bytes} of {bytes} bytes, and none more in a minute.");
                await Task.Delay(5);
            }

            if (transfer.IsCompleted)
            {
                await transfer;
            }
        }
    }
}
