using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class SlowTests
{
    private const int BodyLength = 16;
    private const long AnswerLength = 5_000_000;

    // What else the machine does may hold one answer up.
    private const double SlownessAllowance = 5_000;

    // Of the slow readers, TCP ones: when an MPTCP client reads on after its window was shut, its kernel may not say so, and the server's
    // asks after up to two minutes only, with stock Kestrel under mptcpize too.
    private const int ReadToTheEnd = 100;

    private static readonly int s_ofEach = Scale.Of(200, 3_000);

    private sealed record Outcome(int TimedOut, int Bodies, int Readers, int Answers, double Slowest);

    [Fact]
    public async Task Slow_HeadersBodiesAndReaders_FastClientIsServedAndTimeLimitsApplyAlike()
    {
        Requires.Namespaces();
        var stock = await CrawlAsync(TestServerProcess.Stock);
        var ours = await CrawlAsync(TestServerProcess.Mptcp);
        Assert.Equal((s_ofEach, s_ofEach, ReadToTheEnd), (stock.TimedOut, stock.Bodies, stock.Readers));
        Assert.Equal((s_ofEach, s_ofEach, ReadToTheEnd), (ours.TimedOut, ours.Bodies, ours.Readers));
        Assert.True(ours.Slowest <= stock.Slowest + SlownessAllowance, $"{ours}; stock: {stock}");
    }

    private static async Task<Outcome> CrawlAsync(string transport)
    {
        await using var rival = await Rival.StartAsync(transport, "--RequestHeadersTimeout", "3");

        // What a slow reader leaves unread is memory of the kernel's, the server's and the client's here, of which all TCP sockets of the
        // machine together may have tcp_mem: beyond that, MPTCP clients can't send.
        rival.Server.SetParameter("net/ipv4/tcp_wmem", "4096\t16384\t65536");
        rival.Server.SetParameter("net/ipv4/tcp_rmem", "4096\t16384\t65536");
        var headers = new Peer[s_ofEach];
        var bodies = new Peer[s_ofEach];
        var readers = new Peer[s_ofEach];
        try
        {
            await rival.AbuseAsync(8, s_ofEach, i =>
            {
                headers[i] = Connect(i);
                headers[i].Send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
                bodies[i] = Connect(i);
                bodies[i].Send($"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {BodyLength}\r\n\r\n");
                readers[i] = Connect(i);
                readers[i].SendRequest($"/bytes/{AnswerLength}");
            });
            var timedOut = 0;
            using var stop = new CancellationTokenSource();
            var fast = Task.Run(() => RequestAsync(rival, stop.Token));

            // One byte for each, round after round, until every body is through and every slow header was told 408.
            var clock = Stopwatch.StartNew();
            var pending = headers.ToHashSet();
            var received = new byte[256];
            var read = new long[s_ofEach];
            for (var round = 0; round < BodyLength || pending.Count > 0; round++)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(3), $"{pending.Count} slow headers are still waited for.");
                for (var i = 0; i < s_ofEach; i++)
                {
                    if (round < BodyLength)
                    {
                        bodies[i].Send([(byte)(i + round)]);
                        var count = readers[i].Socket.Receive(received);
                        Assert.NotEqual(0, count);
                        read[i] += count;
                    }

                    if (pending.Contains(headers[i]) && !Crawl(headers[i], ref timedOut))
                    {
                        pending.Remove(headers[i]);
                    }
                }

                await Task.Delay(100);
            }

            var correct = 0;
            await rival.AbuseAsync(4, s_ofEach, i =>
            {
                var expected = Enumerable.Range(0, BodyLength).Select(round => (byte)(i + round)).ToArray();
                Assert.Equal($"{BodyLength} {Convert.ToHexString(SHA256.HashData(expected))}", bodies[i].ReadAnswer().Text);
                Interlocked.Increment(ref correct);
            });

            // More than what the buffers hold: the server has waited for them, and goes on.
            var whole = 0;
            await rival.AbuseAsync(4, ReadToTheEnd, nth =>
            {
                // Every other one is TCP, from the first on.
                var i = 2 * nth * (s_ofEach / (2 * ReadToTheEnd));
                var buffer = new byte[1 << 16];
                while (read[i] < AnswerLength)
                {
                    var count = readers[i].Socket.Receive(buffer);
                    Assert.NotEqual(0, count);
                    read[i] += count;
                }

                Interlocked.Increment(ref whole);
            });
            await stop.CancelAsync();
            var (answers, slowest) = await fast;
            Assert.True(answers > 0);
            rival.AssertServes();
            rival.AssertNoErrors();
            Scale.Tell(string.Create(
                CultureInfo.InvariantCulture,
                $"{transport}: {s_ofEach} each of slow headers ({timedOut} told 408), slow bodies ({correct} complete) and slow readers ({whole} of {ReadToTheEnd} read to the end then); a fast client beside them had {answers} answers, the slowest in {slowest:0} ms"));
            return new Outcome(timedOut, correct, whole, answers, slowest);
        }
        finally
        {
            foreach (var peer in headers.Concat(bodies).Concat(readers))
            {
                peer?.Reset();
            }
        }

        Peer Connect(int i) => Peer.Connect(rival.Http, mptcp: i % 2 == 1, new IPAddress([127, 0, 1, (byte)(1 + (i % 64))]));
    }

    /// <returns>False when the server ended it.</returns>
    private static bool Crawl(Peer peer, ref int timedOut)
    {
        if (peer.Socket.Poll(0, SelectMode.SelectRead))
        {
            Assert.Contains(" 408 ", peer.ReadLine(), StringComparison.Ordinal);
            timedOut++;
            return false;
        }

        try
        {
            peer.Send("x");
            return true;
        }
        catch (SocketException)
        {
            // It was ended between the two; the answer is read in the next round.
            return true;
        }
    }

    private static async Task<(int Answers, double Slowest)> RequestAsync(Rival rival, CancellationToken stop)
    {
        var answers = 0;
        double slowest = 0;
        await rival.AbuseAsync(1, 1, _ =>
        {
            while (!stop.IsCancellationRequested || answers == 0)
            {
                var clock = Stopwatch.StartNew();
                using var peer = Peer.Connect(rival.Http, mptcp: answers % 2 == 1);
                peer.GetBytes(5_000);
                peer.Reset();
                answers++;
                slowest = Math.Max(slowest, clock.Elapsed.TotalMilliseconds);
            }
        });
        return (answers, slowest);
    }
}
