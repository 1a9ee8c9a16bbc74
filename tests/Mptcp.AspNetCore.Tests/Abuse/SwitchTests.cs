using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class SwitchTests
{
    private const int Size = 100_000;

    private static readonly int s_times = Scale.Of(10, 500);
    private static readonly bool[] s_kinds = [false, true];

    /// <summary>
    /// net.mptcp.enabled, while connections of both kinds go on. On the client it decides about new connections. On the server Linux 6.18
    /// asks it when a socket is opened and never again: a listener that is MPTCP goes on to be. There the two ends must agree.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Mptcp_SwitchedOffAndOn_LiveConnectionsGoOnAndTheStatusIsTrue(bool onServer)
    {
        Requires.Namespaces();
        foreach (var transport in Rival.Both)
        {
            await using var network = await MultipathNetwork.CreateAsync(links: 2);
            await using var rival = await Rival.StartAsync(transport, network);
            using var tcp = rival.Connect(mptcp: false);
            using var mptcp = rival.Connect(mptcp: true);
            var (live, fresh, active) = (0, 0, 0);
            for (var i = 0; i < 2 * s_times; i++)
            {
                var isOn = i % 2 == 1;
                Switch(onServer ? network.Server : network.Client, isOn);
                foreach (var peer in new[] { tcp, mptcp })
                {
                    peer.GetBytes(Size);
                    AssertStatus(rival, peer, peer == mptcp);
                    live++;
                }

                if (!onServer && !isOn)
                {
                    Assert.Throws<PlatformNotSupportedException>(() => rival.Connect(mptcp: true));
                }

                foreach (var asksForMptcp in onServer || isOn ? s_kinds : s_kinds[..1])
                {
                    using var peer = rival.Connect(asksForMptcp);
                    peer.GetBytes(Size);
                    AssertStatus(rival, peer, asksForMptcp);
                    fresh++;
                    active += rival.Transport == TestServerProcess.Mptcp && asksForMptcp ? 1 : 0;
                }
            }

            rival.AssertServes();
            rival.AssertNoErrors();
            Scale.Tell(
                $"{transport}: switched {2 * s_times} times on the {(onServer ? "server" : "client")}; {live} answers over the two connections that lived on, {fresh} new connections ({active} MPTCP), {(long)(live + fresh) * Size} bytes compared");
        }
    }

    /// <summary>Not opened as MPTCP, it says so of its connections, and the next process is MPTCP again.</summary>
    [Fact]
    public async Task Mptcp_SwitchedOffWhenTheServerStarts_IsTcpUntilTheNextStart()
    {
        Requires.Namespaces();
        await using var network = await MultipathNetwork.CreateAsync(links: 1);
        await using var rival = await Rival.StartAsync(TestServerProcess.Mptcp, network);
        foreach (var isOn in s_kinds)
        {
            Switch(network.Server, isOn);
            await rival.RestartAsync();
            using var peer = rival.Connect(mptcp: true);
            Assert.EndsWith(isOn ? " active" : " unavailable", peer.Get("/connection").Text, StringComparison.Ordinal);
            Assert.Equal(isOn ? MptcpStatus.Active : MptcpStatus.FellBack, MptcpSocket.GetStatus(peer.Socket));
        }
    }

    private static void Switch(NetworkNamespace host, bool isOn) => host.SetParameter("net/mptcp/enabled", isOn ? "1" : "0");

    /// <summary>What the server says, and what this end knows.</summary>
    private static void AssertStatus(Rival rival, Peer peer, bool askedForMptcp)
    {
        var isOurs = rival.Transport == TestServerProcess.Mptcp;
        var status = !isOurs ? "absent" : askedForMptcp ? "active" : "not-negotiated";
        Assert.Equal($"{peer.Socket.LocalEndPoint} {status}", peer.Get("/connection").Text);
        Assert.Equal(isOurs && askedForMptcp, MptcpSocket.GetStatus(peer.Socket) == MptcpStatus.Active);
    }
}
