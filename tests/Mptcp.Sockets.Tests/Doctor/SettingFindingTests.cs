using System.Net;
using Mptcp.Sockets.Tests.Paths;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>Findings about how a host is set up: provoked by setting it up so, and mended by doing what they say.</summary>
public sealed class SettingFindingTests
{
    public SettingFindingTests() => Requires.Namespaces();

    [Fact]
    public async Task Examine_SwitchedOff_ErrorUntilTheRemedyIsRun()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/mptcp/enabled", "0");

        var finding = host.Examine().AssertFound("mptcp-off", MptcpFindingSeverity.Error);
        Assert.Contains("net.mptcp.enabled is 0", finding.Seen);

        await host.DoAsync(finding);
        Assert.True(host.Run(() => MptcpSupport.Check()).IsSupported);
        host.Examine().AssertNotFound("mptcp-off");
    }

    [Fact]
    public async Task Examine_SubflowLimit0_WarnsAndTellsTheJoinsThatItRejected()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.RunIpAsync(cables.Server, "mptcp", "limits", "set", "subflows", "0");
        var finding = cables.Server.Examine().AssertFound("subflow-limit-0", MptcpFindingSeverity.Warning);
        Assert.DoesNotContain("MPJoinRejected", finding.Seen);

        using (var connection = cables.Connect())
        {
            connection.AssertEchoes(1000);
            await TwoCables.AddEndpointAsync(cables.Client, TwoCables.SecondClientAddress, "subflow");
            await Wait.UntilAsync(() => cables.Server.Run(MptcpHost.ReadCounters)["MPJoinRejected"] > 0);
            Assert.Single(MptcpSocket.GetSubflows(connection.Accepted));
        }

        finding = cables.Server.Examine().AssertFound("subflow-limit-0", MptcpFindingSeverity.Warning);
        Assert.Contains("1 join rejected so far (MPJoinRejected)", finding.Seen);

        await cables.Server.DoAsync(finding);
        cables.Server.Examine().AssertNotFound("subflow-limit-0");
        using var again = cables.Connect();
        again.AssertEchoes(1000);
        await Wait.UntilAsync(() => MptcpSocket.GetSubflows(again.Accepted).Count == 2);
    }

    [Fact]
    public async Task Examine_ServerOnTwoCablesWithoutSignalEndpoint_ToldUntilTheRemedyIsRun()
    {
        await using var cables = await TwoCables.CreateAsync();
        var finding = cables.Server.Examine(Examination.Server(IPAddress.IPv6Any)).AssertFound("no-signal-endpoint", MptcpFindingSeverity.Information);
        Assert.Contains("link0, link1", finding.Seen);

        // Only for listeners that others reach, and for servers.
        cables.Server.Examine(Examination.Server(IPAddress.Loopback)).AssertNotFound("no-signal-endpoint");
        cables.Server.Examine().AssertNotFound("no-signal-endpoint");

        await cables.Server.DoAsync(finding);
        var report = cables.Server.Examine(Examination.Server(IPAddress.IPv6Any));
        report.AssertNotFound("no-signal-endpoint");
        Assert.Equal(
            [TwoCables.SecondServerAddress.ToString(), "fd00:0:0:1::1"], report.Facts.PathManager.Endpoints.Select(endpoint => endpoint.Address.ToString()));
    }

    [Fact]
    public async Task Examine_ServerOnOneCable_NoWordOfSignalEndpoints()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1, pathOpening: PathOpening.None);
        hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertNotFound("no-signal-endpoint");
    }

    [Fact]
    public async Task Examine_ClientThatAcceptsNoAnnouncements_ToldUntilTheRemedyIsRun()
    {
        // As the kernel makes it.
        await using var host = await NetworkNamespace.CreateAsync();
        var finding = host.Examine().AssertFound("announcements-ignored", MptcpFindingSeverity.Information);
        host.Examine(Examination.Server(IPAddress.Any)).AssertNotFound("announcements-ignored");
        host.Examine(new() { Listeners = Examination.Server(IPAddress.Any).Listeners, IsClient = true })
            .AssertFound("announcements-ignored", MptcpFindingSeverity.Information);

        await host.DoAsync(finding);
        host.Examine().AssertNotFound("announcements-ignored");
    }

    [Fact]
    public async Task Examine_ListenerOnOneAddressWhileAnotherIsAnnounced_WarnsAndTheKernelBearsItOut()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(pathOpening: PathOpening.ServerSignals);
        var finding = hosts.Server.Examine(Examination.Server(hosts.ServerAddress)).AssertFound("listener-on-one-address", MptcpFindingSeverity.Warning);
        Assert.Contains($"{hosts.ServerAddress}:{Examination.Port}", finding.Seen);
        Assert.Contains(TwoCables.SecondServerAddress.ToString(), finding.Seen);
        Assert.DoesNotContain("fd00", finding.Seen);

        hosts.Server.Examine(Examination.Server(IPAddress.Any)).AssertNotFound("listener-on-one-address");
        hosts.Server.Examine(Examination.Server(IPAddress.IPv6Any)).AssertNotFound("listener-on-one-address");
        hosts.Server.Examine(Examination.Server(hosts.ServerAddress, TwoCables.SecondServerAddress)).AssertNotFound("listener-on-one-address");

        // The join that a listener on one address gets is reset by the kernel.
        using var connection = Connection.Establish(hosts);
        connection.AssertEchoes(1000);
        await Wait.UntilAsync(() => hosts.Client.Run(MptcpHost.ReadCounters)["MPJoinSynTx"] > 0);
        Assert.Equal(0, hosts.Server.Run(MptcpHost.ReadCounters)["MPJoinSynRx"]);
    }

    [Fact]
    public async Task Examine_AnnouncedWithAPortOfItsOwn_ListenerOnOneAddressIsFine()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Server, TwoCables.SecondServerAddress, "port", "9000", "signal");
        var report = cables.Server.Examine(Examination.Server(cables.Hosts.ServerAddress));
        report.AssertNotFound("listener-on-one-address");
        Assert.Equal(9000, Assert.Single(report.Facts.PathManager.Endpoints).Port);
    }

    [Fact]
    public async Task Examine_PathManagerInUserSpace_NoWordOfTheKernelsOwn()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.RunIpAsync(cables.Server, "mptcp", "limits", "set", "subflows", "0", "add_addr_accepted", "0");
        cables.Server.SetParameter("net/mptcp/pm_type", "1");
        foreach (var examination in new[] { null, Examination.Server(IPAddress.Any) })
        {
            var report = cables.Server.Examine(examination);
            report.AssertNotFound("subflow-limit-0");
            report.AssertNotFound("announcements-ignored");
            report.AssertNotFound("no-signal-endpoint");
        }
    }

    [Fact]
    public async Task Examine_WithoutNetAdmin_TellsThatPathEventsAreOffAndReadsTheRest()
    {
        const int CAP_NET_ADMIN = 12;
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ConfigureAsync(["mptcp limits set subflows 5 add_addr_accepted 3"]);
        var report = host.Run(() =>
        {
            MonitorSupportTests.DropCapability(CAP_NET_ADMIN);
            return MptcpHost.ExamineAsync().Result;
        });

        var finding = report.AssertFound("no-path-events", MptcpFindingSeverity.Information);
        Assert.Contains("CAP_NET_ADMIN", finding.Seen);
        Assert.Equal((5, 3), (report.Facts.PathManager.SubflowLimit, report.Facts.PathManager.AddAddrAcceptedLimit));
        host.Examine().AssertNotFound("no-path-events");
    }

    [Fact]
    public async Task Examine_CongestionControl_ToldWhereOneIsKnownToBeWeakSomewhere()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        var inherited = host.Examine().Facts.CongestionControl;
        Requires.That(inherited is "bbr" or "cubic", $"The congestion control of this machine is {inherited}.");
        var finding = host.Examine().AssertFound("congestion-control", MptcpFindingSeverity.Information);
        Assert.Contains($"in use: {inherited}.", finding.Seen);

        host.SetParameter("net/ipv4/tcp_congestion_control", "reno");
        Assert.Equal("reno", host.Examine().Facts.CongestionControl);
        host.Examine().AssertNotFound("congestion-control");

        var listener = new MptcpListenerFacts { EndPoint = new IPEndPoint(IPAddress.Any, 1), IsMptcp = true, CongestionControl = "cubic" };
        Assert.Contains("in use: cubic.", host.Examine(new() { Listeners = [listener] }).AssertFound("congestion-control", MptcpFindingSeverity.Information).Seen);
    }

    [Fact]
    public async Task Examine_SoundServerAndClient_NoFindings()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(pathOpening: PathOpening.ServerSignals);
        using (var connection = Connection.Establish(hosts, IPAddress.IPv6Any, hosts.ServerAddress))
        {
            connection.AssertEchoes();
            await Wait.UntilAsync(() => MptcpSocket.GetSubflows(connection.Accepted).Count > 1);
        }

        var server = hosts.Server.Examine(Examination.Server(IPAddress.IPv6Any));
        Assert.True(server.Findings.Count == 0, $"{server}");
        Assert.StartsWith("Multipath TCP on this host: Clients have offered it to this host 1 time (MPCapableSYNRX).\nNo findings\n", $"{server}");
        var client = hosts.Client.Examine();
        Assert.True(client.Findings.Count == 0, $"{client}");
    }
}
