using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Mptcp.TestNetwork;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

/// <summary>Two links of 50 Mbit/s and 20 ms round trip, reno on both hosts; every 200 ms one goes and the other comes.</summary>
[Collection(AbuseSuite.Name)]
public sealed class FlappingTests
{
    private const int DownloadSize = 1_000_000;
    private const int UploadSize = 500_000;

    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(Scale.Of(5, 60));

    // By position, so that bytes out of place are seen.
    private static readonly byte[] s_upload = [.. Enumerable.Range(0, UploadSize).Select(i => (byte)(i % 251))];

    private sealed record Outcome(int Downloads, int Uploads, int Lost);

    /// <summary>The rival is what one has without us: stock Kestrel under mptcpize.</summary>
    [Fact]
    public async Task Links_FlappingUnderLoad_NothingIsLost()
    {
        Requires.Namespaces();
        Requires.Programs("mptcpize", "nft");
        var stock = await FlapAsync(TestServerProcess.Stock, ["mptcpize", "run"]);
        var ours = await FlapAsync(TestServerProcess.Mptcp, null);
        Assert.Equal(0, ours.Lost);
        Assert.True(ours.Downloads > 0 && ours.Uploads > 0, $"{ours}; stock: {stock}");
    }

    private static async Task<Outcome> FlapAsync(string transport, string[]? runner)
    {
        await using var network = await MultipathNetwork.CreateAsync(2, Rate.Mbit(50), TimeSpan.FromMilliseconds(10));
        await using var rival = await Rival.StartAsync(transport, network, runner);
        rival.AssertServes();
        var (downloads, uploads, lost, flaps) = (0, 0, 0, 0);
        using var stop = new CancellationTokenSource();
        var load = rival.AbuseAsync(4, 4, i =>
        {
            while (!stop.IsCancellationRequested)
            {
                // Several requests over each connection, so that it has both paths and loses them in turn.
                try
                {
                    using var peer = Peer.Connect(rival.Http, mptcp: true);
                    for (var request = 0; request < 4; request++)
                    {
                        if (i % 2 == 0)
                        {
                            peer.GetBytes(DownloadSize);
                            Interlocked.Increment(ref downloads);
                        }
                        else
                        {
                            peer.Send($"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {UploadSize}\r\n\r\n");
                            peer.Send(s_upload);
                            Assert.Equal($"{UploadSize} {Convert.ToHexString(SHA256.HashData(s_upload))}", peer.ReadAnswer().Text);
                            Interlocked.Increment(ref uploads);
                        }
                    }
                }
                catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
                {
                    Scale.Tell($"{transport}: {e.Message}");
                    Interlocked.Increment(ref lost);
                }
            }
        });
        try
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < s_duration; flaps++)
            {
                var link = network.Links[flaps % 2];
                await link.CutAsync(flaps / 2 % 2 == 0 ? Cut.Silent : Cut.LinkDown);
                await Task.Delay(s_period);
                await link.RestoreAsync();
            }
        }
        finally
        {
            await stop.CancelAsync();
        }

        await load;
        rival.AssertServes();
        if (transport == TestServerProcess.Mptcp)
        {
            rival.AssertNoErrors();
        }

        Scale.Tell(string.Create(
            CultureInfo.InvariantCulture,
            $"{transport}: {flaps} flaps in {s_duration.TotalSeconds} s; {downloads} downloads ({(long)downloads * DownloadSize / 1e6:0} MB) and {uploads} uploads ({(long)uploads * UploadSize / 1e6:0} MB) compared, {lost} lost"));
        return new Outcome(downloads, uploads, lost);
    }
}
