using System.Net;
using Mptcp.Sockets.Doctor;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>What is read, compared with what other programs say.</summary>
public sealed class FactsTests
{
    [Fact]
    public async Task Examine_PathManager_AsIpSetIt()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ConfigureAsync(
        [
            "link add first type veth peer name second",
            "link set second up",
            "link set first up",
            "address add 192.0.2.1/24 dev first",
            "address add 2001:db8::1/64 dev first nodad",
            "mptcp limits set subflows 7 add_addr_accepted 3",
            "mptcp endpoint add 192.0.2.1 id 11 dev first subflow backup fullmesh",
            "mptcp endpoint add 2001:db8::1 id 12 dev first port 8443 signal",
            "mptcp endpoint add 192.0.2.9 id 200 signal",
        ]);

        var facts = host.Examine().Facts;
        Assert.Null(facts.PathManager.WhyUnknown);
        Assert.Equal((7, 3), (facts.PathManager.SubflowLimit, facts.PathManager.AddAddrAcceptedLimit));
        Assert.Equal(
            [
                ("192.0.2.1", 11, MptcpEndpointUses.Subflow | MptcpEndpointUses.Backup | MptcpEndpointUses.FullMesh, null, "first"),
                ("2001:db8::1", 12, MptcpEndpointUses.Signal, 8443, "first"),
                ("192.0.2.9", 200, MptcpEndpointUses.Signal, (int?)null, (string?)null),
            ],
            facts.PathManager.Endpoints.Select(endpoint =>
                (endpoint.Address.ToString(), endpoint.Id, endpoint.Flags, endpoint.Port, endpoint.Interface)));
        Assert.Equal([("192.0.2.1", "first"), ("2001:db8::1", "first")], facts.LocalAddresses.Select(address => ($"{address.Address}", address.Interface)));

        // And as text.
        Assert.Contains("Endpoint: 2001:db8::1 id 12 port 8443 dev first Signal\n", $"{host.Examine()}");
    }

    [Fact]
    public async Task Examine_Settings_AsSysctlTellsThem()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/mptcp/add_addr_timeout", "77");
        var lines = (await host.ExecuteAsync("sysctl", "net.mptcp")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var settings = host.Examine().Facts.Settings;
        Assert.Equal(lines.Order(StringComparer.Ordinal), settings.Select(setting => $"{setting.Key} = {setting.Value}"));
        Assert.Equal("77", settings["net.mptcp.add_addr_timeout"]);
    }

    [Fact]
    public async Task ReadCounters_OneConnection_CountedInItsNamespaceAlone()
    {
        Requires.Namespaces();
        await using var busy = await NetworkNamespace.CreateAsync();
        await using var idle = await NetworkNamespace.CreateAsync();
        busy.Run(() => Connection.Establish().Dispose());

        var counters = busy.Run(MptcpHost.ReadCounters);
        Assert.Equal((1, 1, 1), (counters["MPCapableSYNTX"], counters["MPCapableSYNRX"], counters["MPCapableSYNACKRX"]));
        Assert.Equal(0, idle.Run(MptcpHost.ReadCounters)["MPCapableSYNTX"]);

        var names = (await busy.ExecuteAsync("cat", "/proc/net/netstat")).Split('\n').First(line => line.StartsWith("MPTcpExt:", StringComparison.Ordinal));
        Assert.Equal(names.Split(' ')[1..], counters.Keys);
    }

    [Theory]
    [InlineData("")]
    [InlineData("TcpExt: A B\nTcpExt: 1 2\n")]
    [InlineData("MPTcpExt: A B\n")]
    [InlineData("MPTcpExt: A\nMPTcpExt: x\n")]
    public void Parse_NoCountersInIt_Empty(string netstat) => Assert.Empty(CounterReader.Parse(netstat));

    [Fact]
    public void Parse_AnotherOrderAndSet_ByName()
    {
        var counters = CounterReader.Parse("IpExt: X\nIpExt: 5\nMPTcpExt: B New A\nMPTcpExt: 2 9223372036854775807 1\n");
        Assert.Equal(new Dictionary<string, long> { ["A"] = 1, ["B"] = 2, ["New"] = long.MaxValue }, counters);
    }

    [Fact]
    public void ReadDescriptorLimits_EveryForm_Read()
    {
        Assert.Equal((1024L, 4096L), FactsReader.ReadDescriptorLimits("Limit  Soft Limit\nMax open files            1024                 4096                 files     \n"));
        Assert.Equal((long.MaxValue, long.MaxValue), FactsReader.ReadDescriptorLimits("Max open files unlimited unlimited files"));
        Assert.Equal((null, null), FactsReader.ReadDescriptorLimits("Max open sockets 3 3"));
        Assert.Equal((null, null), FactsReader.ReadDescriptorLimits(null));
    }

    [Fact]
    public void Read_FamilyThatTheKernelDoesNotHave_SaysSo()
    {
        Requires.Mptcp();
        var facts = PathManagerReader.Read("no_such_family");
        Assert.Contains("CONFIG_MPTCP", facts.WhyUnknown);
        Assert.Null(facts.SubflowLimit);
    }

    /// <summary>Reading needs no privilege and flushing does: this is what any refusal looks like.</summary>
    [Fact]
    public async Task Ask_WithoutThePrivilege_ReturnsTheErrno()
    {
        const byte MPTCP_PM_CMD_FLUSH_ADDRS = 4;
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        var errno = host.Run(() =>
        {
            Paths.MonitorSupportTests.DropCapability(12);
            Assert.Equal(0, GenericNetlink.Open(out var handle));
            using var socket = new System.Net.Sockets.Socket(handle!) { Blocking = false };
            GenericNetlink.Resolve(socket, NetlinkConstants.MPTCP_PM_NAME, "", out var family, out _);
            return GenericNetlink.Ask(socket, family!.Value, MPTCP_PM_CMD_FLUSH_ADDRS, isDump: false, _ => { });
        });
        Assert.Equal(Errno.EPERM, errno);
    }

    /// <summary>As a sandbox has it that hides the settings.</summary>
    [Fact]
    public async Task Examine_SettingsThatCanNotBeListed_LeftOutOfTheReport()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        var report = host.Run(() =>
        {
            HiddenFolder.Hide("/proc/sys/net/mptcp");
            Assert.Throws<UnauthorizedAccessException>(() => Directory.GetFiles("/proc/sys/net/mptcp"));
            return MptcpHost.ExamineAsync().Result;
        });
        Assert.Empty(report.Facts.Settings);
        Assert.NotEmpty(report.Facts.Counters);
        Assert.NotEmpty(host.Examine().Facts.Settings);
    }

    [Fact]
    public async Task Examine_Cancelled_DoesNotRead()
    {
        var examining = MptcpHost.ExamineAsync(cancellationToken: new CancellationToken(canceled: true));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => examining);
    }

    [Fact]
    public async Task Examine_WhatTheCallerSays_IsInTheFacts()
    {
        var listener = new MptcpListenerFacts { EndPoint = new IPEndPoint(IPAddress.Loopback, 1), IsMptcp = true };
        var connections = new MptcpConnectionFacts { Accepted = 3, Negotiated = 2, FellBack = 1 };
        var facts = (await MptcpHost.ExamineAsync(
            new() { Listeners = [listener], AdvertisesHttp3 = true, Connections = connections, EndpointsRequiringMptcp = ["GET /"] })).Facts;
        Assert.Same(connections, facts.Connections);
        Assert.Equal(["GET /"], facts.EndpointsRequiringMptcp);
        Assert.Same(listener, Assert.Single(facts.Listeners));
        Assert.True(facts.AdvertisesHttp3);
        Assert.False(facts.IsClient);
        Assert.True((await MptcpHost.ExamineAsync()).Facts.IsClient);
        Assert.True((await MptcpHost.ExamineAsync(new() { Listeners = [listener], IsClient = true })).Facts.IsClient);
    }
}
