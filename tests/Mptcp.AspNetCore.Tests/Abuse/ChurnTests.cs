using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class ChurnTests
{
    private const int Threads = 16;

    private static readonly int s_count = Scale.Of(4_000, 200_000);

    private int _normal;
    private int _reset;
    private int _halfOpen;
    private int _abortedTls;
    private int _rejected;

    /// <summary>
    /// By TCP and MPTCP clients. What leaks 66 bytes a connection is more than the allowance in the short version, and 2 bytes in the long one.
    /// </summary>
    [Fact]
    public async Task Churn_OfAllKinds_EverythingIsBackToTheBaseline()
    {
        Requires.Namespaces();
        Requires.Programs("ss");
        var stock = await ChurnAsync(TestServerProcess.Stock, growth => growth is { Descriptors: <= 0, Threads: <= 0, Heap: <= 0, Sockets: 0 });
        var ours = await ChurnAsync(TestServerProcess.Mptcp, growth => growth.IsNotWorseThan(stock));
        Assert.True(ours.IsNotWorseThan(stock), $"{ours}; stock: {stock}");
    }

    /// <summary>Turned away before Kestrel sees them, which is work of our own.</summary>
    [Fact]
    public async Task Churn_RejectedByTheListener_EverythingIsBackToTheBaseline()
    {
        Requires.Namespaces();
        Requires.Programs("ss");
        await using var rival = await Rival.StartAsync(TestServerProcess.Mptcp, "--Mptcp:Fallback", "Reject");
        await RejectAsync(1_000);
        var before = rival.GetFigures(mptcp: true);
        await RejectAsync(s_count);

        var growth = await rival.SettleAsync(before, growth => growth.IsNotWorseThan(Growth.None), mptcp: true);
        Scale.Tell($"{s_count} connections rejected by the listener; then {growth}");
        Assert.True(growth.IsNotWorseThan(Growth.None), $"{growth}");
        rival.AssertNoErrors();

        Task RejectAsync(int count) => rival.AbuseAsync(Threads, count, i =>
        {
            Peer peer;
            try
            {
                peer = Peer.Connect(rival.Http, mptcp: false, AddressOf(i));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // Before the client came to look.
                return;
            }

            using (peer)
            {
                if (i % 2 == 0)
                {
                    peer.Reset();
                    return;
                }

                peer.ReadToEnd();
            }
        });
    }

    // Each address has 64,000 ports, and a connection keeps one for a while.
    private static IPAddress AddressOf(int i) => new([127, 0, 1, (byte)(1 + (i % 64))]);

    private async Task<Growth> ChurnAsync(string transport, Func<Growth, bool> isBack)
    {
        await using var rival = await Rival.StartAsync(transport);

        // What is made once and kept: code, pools, threads.
        await rival.AbuseAsync(Threads, 1_000, i => Abuse(rival, i));
        var before = await rival.GetBaselineAsync();
        _normal = _reset = _halfOpen = _abortedTls = _rejected = 0;
        await rival.AbuseAsync(Threads, s_count, i => Abuse(rival, i));

        Assert.All([_normal, _reset, _halfOpen, _abortedTls, _rejected], count => Assert.Equal(s_count / 5, count));
        rival.AssertServes();
        rival.AssertNoErrors();

        var growth = await rival.SettleAsync(before, isBack, rival.Patience);
        Scale.Tell(
            $"{transport}: {_normal} normal, {_reset} reset, {_halfOpen} half-open, {_abortedTls} aborted TLS, {_rejected} rejected, half of each MPTCP; then {growth}");
        return growth;
    }

    private void Abuse(Rival rival, int i)
    {
        var kind = i % 5;
        using var peer = Peer.Connect(kind == 3 ? rival.Https : rival.Http, mptcp: i / 5 % 2 == 1, AddressOf(i));
        switch (kind)
        {
            case 0:
                Assert.Equal("Hello, World!", peer.Get("/").Text);
                Interlocked.Increment(ref _normal);
                break;
            case 1:
                peer.Reset();
                Interlocked.Increment(ref _reset);
                break;
            case 2:
                // Nothing more comes from the client: after a request, or in the middle of one.
                if (i % 4 < 2)
                {
                    peer.SendRequest("/");
                    peer.Socket.Shutdown(SocketShutdown.Send);
                }
                else
                {
                    peer.Send("GET / HTTP/1.1\r\nHo");
                    peer.Socket.Shutdown(SocketShutdown.Send);
                }

                peer.ReadToEnd();
                Interlocked.Increment(ref _halfOpen);
                break;
            case 3:
                if (i % 4 < 2)
                {
                    // The server has done its part and waits for the client's.
                    peer.Send(Peer.ClientHello);
                    Assert.NotEqual(0, peer.Socket.Receive(new byte[1]));
                }
                else
                {
                    peer.Send(Peer.ClientHello.AsSpan(0, Peer.ClientHello.Length / 2));
                }

                peer.Reset();
                Interlocked.Increment(ref _abortedTls);
                break;
            case 4:
                // To stock Kestrel every connection is no MPTCP.
                var isServed = rival.Transport == TestServerProcess.Mptcp && i / 5 % 2 == 1;
                Assert.Equal(isServed, peer.Get("/strict").Status == 200);
                Interlocked.Increment(ref _rejected);
                break;
        }
    }
}
