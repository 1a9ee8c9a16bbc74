using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets.Tests.Paths;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>Findings from what the kernel counted: the network does it to real connections.</summary>
public sealed class CounterFindingTests
{
    public CounterFindingTests()
    {
        Requires.Namespaces();
        Requires.Programs("nft");
    }

    [Fact]
    public async Task Examine_SynOfMptcpDropped_WarnsAndTheRemedySwitchesItOnAgain()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        hosts.Client.SetParameter("net/mptcp/blackhole_timeout", "1800");
        await FilterAsync(hosts.Server, "tcp flags & (syn|ack) == syn tcp option mptcp exists drop");
        AssertConnects(hosts, MptcpStatus.FellBack);

        var finding = hosts.Client.Examine().AssertFound("black-hole", MptcpFindingSeverity.Warning);
        Assert.Contains("1 time ", finding.Seen);
        Assert.Contains("1800 seconds", finding.Why);

        // The way is free again, and still it is off.
        await hosts.Server.FilterAsync(["delete table inet fault"]);
        AssertConnects(hosts, MptcpStatus.FellBack);
        Assert.Contains("1 connection went out as TCP", hosts.Client.Examine().AssertFound("black-hole", MptcpFindingSeverity.Warning).Seen);

        await hosts.Client.DoAsync(finding);
        AssertConnects(hosts, MptcpStatus.Active);
        Assert.Equal("1800", hosts.Client.Examine().Facts.Settings["net.mptcp.blackhole_timeout"]);
        hosts.Server.Examine().AssertNotFound("black-hole");
    }

    [Fact]
    public async Task Examine_JoinForAConnectionThatIsNotHere_Warns()
    {
        await using var cables = await TwoCables.CreateAsync();
        var server = Examination.Server(IPAddress.Any);
        using (var connection = cables.Connect())
        {
            connection.AssertEchoes(1000);
            cables.Server.Examine(server).AssertNotFound("joins-without-token");

            // The server forgets the connection without the client's noticing, as one does that was another backend.
            await cables.Hosts.Links[0].CutAsync(Cut.Silent);
            connection.Accepted.LingerState = new LingerOption(true, 0);
            connection.Accepted.Dispose();
            await TwoCables.AddEndpointAsync(cables.Client, TwoCables.SecondClientAddress, "subflow");
            await Wait.UntilAsync(() => cables.Server.Run(MptcpHost.ReadCounters)["MPJoinNoTokenFound"] > 0);
        }

        var finding = cables.Server.Examine(server).AssertFound("joins-without-token", MptcpFindingSeverity.Warning);
        Assert.Contains("load balancer", finding.Why);
        cables.Client.Examine().AssertNotFound("joins-without-token");
    }

    [Fact]
    public async Task Examine_OptionsRemovedFromTheAnswers_BothEndsTellIt()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        await FilterAsync(hosts.Client, "reset tcp option mptcp");
        AssertConnects(hosts, MptcpStatus.FellBack);

        Assert.Contains("Of 1 client ", hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertFound("options-stripped", MptcpFindingSeverity.Warning).Seen);
        Assert.Contains("1 were answered without", hosts.Client.Examine().AssertFound("servers-without-mptcp", MptcpFindingSeverity.Information).Seen);
    }

    [Fact]
    public Task Examine_OptionsRemovedAfterData_Warns() => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        using (var connection = Connection.Establish(hosts))
        {
            connection.AssertEchoes(1000);
            hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertNotFound("fallback-after-handshake");
            if (await connection.FallBackAsync(hosts) is { } ended)
            {
                return ended;
            }

            Assert.Equal(MptcpStatus.FellBack, MptcpSocket.GetStatus(connection.Accepted));
        }

        Assert.Contains(
            "1 fell back to TCP later",
            hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertFound("fallback-after-handshake", MptcpFindingSeverity.Warning).Seen);
        return null;
    });

    [Fact]
    public async Task Examine_OptionsRemovedBeforeTheFirstData_BothEndsWarn()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        using (var connection = Connection.Establish(hosts))
        {
            await hosts.StripMptcpOptionsAsync();
            connection.AssertEchoes(1000);
        }

        Assert.Contains(
            " 1 fell back to TCP later (DssFallback) and 0 ",
            hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertFound("fallback-after-handshake", MptcpFindingSeverity.Warning).Seen);
        Assert.Contains(
            " 0 fell back to TCP later (DssFallback) and 1 with the first data",
            hosts.Client.Examine().AssertFound("fallback-after-handshake", MptcpFindingSeverity.Warning).Seen);
    }

    /// <summary>The kernel counts these as it counts connections whose options were removed.</summary>
    [Fact]
    public async Task Examine_SomeConnectionsAbortedBeforeAnyData_NoWarning()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        host.Run(() =>
        {
            for (var i = 0; i < 8; i++)
            {
                using var connection = Connection.Establish();
                if (i > 1)
                {
                    connection.AssertEchoes(10);
                }
                else
                {
                    connection.Accepted.LingerState = new LingerOption(true, 0);
                    connection.Accepted.Dispose();

                    // A program that another test starts may hold it until it runs: the reset comes first.
                    Assert.Throws<SocketException>(() => connection.Client.Receive(new byte[1]));
                }
            }
        });

        var report = host.Examine();
        Assert.Equal(2, report.Facts.Counters["MPCapableDataFallback"]);
        Assert.Contains("abort", report.AssertFound("fallback-after-handshake", MptcpFindingSeverity.Information).Why);
    }

    /// <summary>With checksums on, the receiver notices and reports data that was changed on the way.</summary>
    [Fact]
    public async Task Examine_DataChangedOnTheWay_BothEndsWarn()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        hosts.Client.SetParameter("net/mptcp/checksum_enabled", "1");
        hosts.Server.SetParameter("net/mptcp/checksum_enabled", "1");
        using (var connection = Connection.Establish(hosts))
        {
            connection.AssertEchoes(1000);
            hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertNotFound("payload-changed");

            // The first byte of the data: after the Ethernet, IP and TCP headers that nft knows, behind the options.
            await FilterAsync(hosts.Server, "tcp flags & psh == psh @ih,0,8 set 0x5a");
            connection.Client.Send("Hello, server"u8);
            await Wait.UntilAsync(() => hosts.Server.Run(MptcpHost.ReadCounters)["MPFailTx"] > 0);
            await Wait.UntilAsync(() => hosts.Client.Run(MptcpHost.ReadCounters)["MPFailRx"] > 0);
        }

        Assert.Contains("reported it 1 time (MPFailTx)", hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertFound("payload-changed", MptcpFindingSeverity.Warning).Seen);
        Assert.Contains("reported it 1 time (MPFailRx)", hosts.Client.Examine().AssertFound("payload-changed", MptcpFindingSeverity.Warning).Seen);
    }

    private static Task FilterAsync(NetworkNamespace host, string rule) => host.FilterAsync(
    [
        "add table inet fault",
        "add chain inet fault in { type filter hook prerouting priority mangle; }",
        $"add rule inet fault in iifname link0 {rule}",
    ]);

    private static void AssertConnects(MultipathNetwork hosts, MptcpStatus status)
    {
        using var connection = Connection.Establish(hosts);
        connection.AssertEchoes(1000);
        Assert.Equal(status, MptcpSocket.GetStatus(connection.Client));
    }
}
