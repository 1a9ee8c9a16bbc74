using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
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

    // A path that comes back is tried again when its retransmission timer says so, which doubles with each attempt that met a cut: with
    // cuts that come and go as fast as it does, both paths can be up and waiting for tens of seconds. That is late, and not lost.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);

    // By position, so that bytes out of place are seen.
    private static readonly byte[] s_upload = [.. Enumerable.Range(0, UploadSize).Select(i => (byte)(i % 251))];

    private sealed record Outcome(int Downloads, int Uploads, int Lost);

    /// <summary>The rival is what one has without us: stock Kestrel under mptcpize.</summary>
    [Fact]
    public async Task Links_FlappingUnderLoad_NothingIsLost()
    {
        Requires.Namespaces();
        Requires.Programs("mptcpize", "nft", "nstat");
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
        var before = await rival.CountAsync("MPTcpExtMPCapableACKRX");
        var (connections, downloads, uploads, lost, flaps, unreachable) = (0, 0, 0, 0, 0, 0);
        var longest = new double[4];
        using var stop = new CancellationTokenSource();
        var load = rival.AbuseAsync(longest.Length, longest.Length, i =>
        {
            while (!stop.IsCancellationRequested)
            {
                Peer peer;
                try
                {
                    peer = Peer.Connect(rival.Http, mptcp: true);
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.NetworkUnreachable)
                {
                    // The client's own device is down at that moment: there is no connection that could be lost.
                    Interlocked.Increment(ref unreachable);
                    stop.Token.WaitHandle.WaitOne(10);
                    continue;
                }

                Interlocked.Increment(ref connections);

                // Several requests over each connection, so that it has both paths and loses them in turn.
                using var _ = peer;
                try
                {
                    peer.Socket.ReceiveTimeout = peer.Socket.SendTimeout = (int)s_patience.TotalMilliseconds;
                    for (var request = 0; request < 4; request++)
                    {
                        var clock = Stopwatch.StartNew();
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

                        longest[i] = Math.Max(longest[i], clock.Elapsed.TotalSeconds);
                    }
                }
                catch (Exception e) when (e is IOException or SocketException)
                {
                    Scale.Tell($"{transport}: {e.Message}");
                    Interlocked.Increment(ref lost);
                }
            }
        });
        try
        {
            // The client is connected before the server has all of the handshake.
            await Wait.UntilAsync(async () => load.IsCompleted || await rival.CountAsync("MPTcpExtMPCapableACKRX") - before >= longest.Length);
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

        // Not all: who loses two SYNs asks without the third time. But the first ones were made before the first flap.
        var mptcp = await rival.CountAsync("MPTcpExtMPCapableACKRX") - before;
        Assert.InRange(mptcp, longest.Length, connections);
        rival.AssertServes();
        if (transport == TestServerProcess.Mptcp)
        {
            rival.AssertNoErrors();
        }

        Scale.Tell(string.Create(
            CultureInfo.InvariantCulture,
            $"{transport}: {flaps} flaps in {s_duration.TotalSeconds} s; {connections} connections, {mptcp} of them MPTCP; {downloads} downloads ({(long)downloads * DownloadSize / 1e6:0} MB) and {uploads} uploads ({(long)uploads * UploadSize / 1e6:0} MB) compared, the longest in {longest.Max():0.0} s; {lost} lost, {unreachable} connections not begun without a route"));
        return new Outcome(downloads, uploads, lost);
    }
}
