using System.Net;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class ResetTests
{
    private static readonly int s_count = Scale.Of(3_000, 100_000);

    [Fact]
    public async Task ResetStorm_AfterConnectAndInTheMiddleOfAnswers_ServerGoesOn()
    {
        Requires.Namespaces();
        Requires.Programs("ss");
        var stock = await StormAsync(TestServerProcess.Stock, growth => growth is { Descriptors: <= 4, Sockets: 0 });
        var ours = await StormAsync(TestServerProcess.Mptcp, growth => growth.IsNotWorseThan(stock));
        Assert.True(ours.IsNotWorseThan(stock), $"{ours}; stock: {stock}");
    }

    private static async Task<Growth> StormAsync(string transport, Func<Growth, bool> isBack)
    {
        await using var rival = await Rival.StartAsync(transport);
        var inTheMiddle = 0;
        var served = 0;

        // What is made once and kept: code, pools, threads.
        await rival.AbuseAsync(16, 500, Reset);
        var before = await rival.GetBaselineAsync();
        inTheMiddle = 0;
        var storm = rival.AbuseAsync(16, s_count, Reset);
        await rival.AbuseAsync(1, 1, _ =>
        {
            using var bystander = Peer.Connect(rival.Http, mptcp: true);
            for (; !storm.IsCompleted || served == 0; served++)
            {
                bystander.GetBytes(10_000);
            }
        });
        await storm;

        rival.AssertServes();
        rival.AssertNoErrors();
        Assert.Equal(s_count / 2, inTheMiddle);
        var growth = await rival.SettleAsync(before, isBack, transport == TestServerProcess.Stock ? TimeSpan.FromSeconds(10) : null);
        Scale.Tell(
            $"{transport}: {s_count - inTheMiddle} resets after connect, {inTheMiddle} in the middle of an answer; a client beside them compared {served} answers; then {growth}");
        return growth;

        void Reset(int i)
        {
            var peer = Peer.Connect(rival.Http, mptcp: i % 2 == 1, new IPAddress([127, 0, 1, (byte)(1 + (i % 64))]));
            if (i / 2 % 2 == 0)
            {
                // More than the buffers of both ends hold: the server is still writing.
                peer.SendRequest("/bytes/100000000");
                Assert.Contains(" 200 ", peer.ReadLine(), StringComparison.Ordinal);
                Interlocked.Increment(ref inTheMiddle);
            }

            peer.Reset();
        }
    }
}
