using System.Net;
using Mptcp.Sockets.Doctor;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>The rules on facts that are made up: each one's limits, and what no test host can be.</summary>
public sealed class RuleTests
{
    private static readonly MptcpSupport s_supported = new(MptcpUnavailableReason.None, 0, "It can.", null);
    private static readonly MptcpSupport s_notBuiltIn = MptcpSupport.Explain(93, System.Net.Sockets.AddressFamily.InterNetworkV6);

    public static TheoryData<string, MptcpFindingSeverity, MptcpHostFacts> Provoked => new()
    {
        { "mptcp-off", MptcpFindingSeverity.Error, Facts(ipv4: s_notBuiltIn) },
        { "mptcp-off-ipv6", MptcpFindingSeverity.Warning, Facts(ipv6: s_notBuiltIn) },
        { "listener-not-mptcp", MptcpFindingSeverity.Warning, Facts(listeners: [Listener("0.0.0.0:80", isMptcp: false)]) },
        { "listener-not-mptcp", MptcpFindingSeverity.Information, Facts(listeners: [Listener("0.0.0.0:80", isMptcp: false, MptcpMode.Disabled)]) },
        { "no-client-offers", MptcpFindingSeverity.Warning, Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 0)], connections: (1, 0, 0)) },
        { "no-client-offers", MptcpFindingSeverity.Information, Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 0)]) },
        { "subflow-limit-0", MptcpFindingSeverity.Warning, Facts(limits: (0, 1)) },
        { "no-signal-endpoint", MptcpFindingSeverity.Information, Facts(listeners: [Listener("[::]:80")], addresses: ["192.0.2.1 a", "192.0.2.2 b"]) },
        { "announcements-ignored", MptcpFindingSeverity.Information, Facts(limits: (2, 0)) },
        { "listener-on-one-address", MptcpFindingSeverity.Warning, Facts(listeners: [Listener("192.0.2.1:80"), Listener("0.0.0.0:81")], signal: "192.0.2.2") },
        { "path-manager-unknown", MptcpFindingSeverity.Information, Facts(whyUnknown: "Nobody knows.") },
        { "no-path-events", MptcpFindingSeverity.Information, Facts(pathEvents: s_notBuiltIn) },
        { "black-hole", MptcpFindingSeverity.Warning, Facts(counters: [("MPCapableSYNTXDisabled", 1)]) },
        { "black-hole", MptcpFindingSeverity.Warning, Facts(counters: [("Blackhole", 1)]) },
        { "joins-without-token", MptcpFindingSeverity.Warning, Facts(counters: [("MPJoinNoTokenFound", 1)]) },
        { "options-stripped", MptcpFindingSeverity.Warning, Facts(counters: [("MPCapableFallbackACK", 1), ("MPCapableSYNRX", 10)]) },
        { "options-stripped", MptcpFindingSeverity.Information, Facts(counters: [("MPCapableFallbackACK", 1), ("MPCapableSYNRX", 11)]) },
        { "servers-without-mptcp", MptcpFindingSeverity.Information, Facts(counters: [("MPCapableFallbackSYNACK", 1), ("MPCapableSYNACKRX", 9)]) },
        { "fallback-after-handshake", MptcpFindingSeverity.Warning, Facts(counters: [("DssFallback", 1), ("MPCapableACKRX", 10)]) },
        { "fallback-after-handshake", MptcpFindingSeverity.Information, Facts(counters: [("DssFallback", 1), ("MPCapableACKRX", 11)]) },
        { "fallback-after-handshake", MptcpFindingSeverity.Information, Facts(counters: [("MPCapableDataFallback", 4), ("MPCapableACKRX", 10)]) },
        { "fallback-after-handshake", MptcpFindingSeverity.Warning, Facts(counters: [("MPCapableDataFallback", 5), ("MPCapableACKRX", 10)]) },
        { "fallback-after-handshake", MptcpFindingSeverity.Warning, Facts(counters: [("MPCapableSYNRX", 1)], connections: (20, 10, 1)) },
        { "fallback-after-handshake", MptcpFindingSeverity.Information, Facts(counters: [("MPCapableSYNRX", 1)], connections: (20, 11, 1)) },
        { "no-token", MptcpFindingSeverity.Warning, Facts(counters: [("MPFallbackTokenInit", 1), ("MPCapableSYNRX", 4), ("MPCapableSYNTX", 6)]) },
        { "no-token", MptcpFindingSeverity.Information, Facts(counters: [("MPFallbackTokenInit", 1), ("MPCapableSYNRX", 4), ("MPCapableSYNTX", 7)]) },
        { "payload-changed", MptcpFindingSeverity.Warning, Facts(counters: [("MPFailRx", 1)]) },
        { "payload-changed", MptcpFindingSeverity.Warning, Facts(counters: [("MPFailTx", 1)]) },
        { "congestion-control", MptcpFindingSeverity.Information, Facts(congestionControl: "bbr") },
        { "http3-advertised", MptcpFindingSeverity.Information, Facts(http3: true) },
        { "low-descriptor-limit", MptcpFindingSeverity.Warning, Facts(descriptors: 1024) },
    };

    public static TheoryData<string, MptcpHostFacts> Sound => new()
    {
        { "client", Facts() },
        { "server", Facts(listeners: [Listener("[::]:80")], limits: (2, 0), signal: "192.0.2.2", addresses: ["192.0.2.1 a", "192.0.2.2 b"]) },
        { "two addresses on one interface", Facts(listeners: [Listener("[::]:80")], addresses: ["192.0.2.1 a", "2001:db8::1 a"]) },
        { "listener on the announced address", Facts(listeners: [Listener("192.0.2.2:80")], signal: "192.0.2.2") },
        { "listener on loopback", Facts(listeners: [Listener("127.0.0.1:80")], signal: "192.0.2.2", addresses: ["192.0.2.1 a", "192.0.2.2 b"]) },
        { "announced in the other family", Facts(listeners: [Listener("192.0.2.1:80")], signal: "2001:db8::1") },
        { "no connection yet", Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 0)], connections: (0, 0, 0)) },
        { "a client offered it", Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 1)], connections: (412, 0, 0)) },
        { "a kernel that does not count offers", Facts(listeners: [Listener("[::]:80")], connections: (412, 0, 0)) },
        { "a listener of another network namespace", Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 0)], connections: (2, 1, 0)) },
        { "endpoints that require it", Facts(listeners: [Listener("[::]:80"), Listener("[::]:81")], endpoints: ["GET /"]) },
        { "fallbacks that the kernel counts itself", Facts(counters: [("DssFallback", 0), ("MPCapableACKRX", 20)], connections: (20, 20, 1)) },
        { "few servers without", Facts(counters: [("MPCapableFallbackSYNACK", 1), ("MPCapableSYNACKRX", 10)]) },
        { "few connections aborted", Facts(counters: [("MPCapableDataFallback", 1), ("MPCapableACKRX", 11)]) },
        { "HTTP/3 not known", Facts(http3: null) },
        { "no HTTP/3", Facts(http3: false) },
        { "unlimited", Facts(descriptors: long.MaxValue) },
        { "not known", Facts(descriptors: null, congestionControl: null) },
    };

    [Theory]
    [MemberData(nameof(Provoked), DisableDiscoveryEnumeration = true)]
    public void Apply_FactsThatProvokeARule_FindsThatAndNothingElse(string id, MptcpFindingSeverity severity, MptcpHostFacts facts)
    {
        var finding = Assert.Single(new MptcpHostReport(facts).Findings);
        Assert.Equal((id, severity), (finding.Id, finding.Severity));
        foreach (var text in new[] { finding.Seen, finding.Why, finding.Remedy, finding.ToString() })
        {
            Assert.Matches(@"^\S[^\n]{9,}\S$", text);
            Assert.DoesNotContain("  ", text);
        }
    }

    [Theory]
    [MemberData(nameof(Sound), DisableDiscoveryEnumeration = true)]
    public void Apply_SoundFacts_FindsNothing(string what, MptcpHostFacts facts)
    {
        var report = new MptcpHostReport(facts);
        Assert.True(report.Findings.Count == 0, $"{what}\n{report}");
    }

    [Fact]
    public void All_EachRule_IsProvokedHereAndNamedByItsId() =>
        Assert.Equal(Rules.All.Keys.Order(), Provoked.Select(row => row.Data.Item1).Append("everyone-rejected").Distinct().Order());

    [Fact]
    public void Findings_Several_WorstFirst()
    {
        var report = new MptcpHostReport(Facts(ipv4: s_notBuiltIn, descriptors: 10, http3: true));
        Assert.Equal(["mptcp-off", "low-descriptor-limit", "http3-advertised"], report.Findings.Select(finding => finding.Id));
        Assert.StartsWith("Multipath TCP on this host: Multipath TCP can't be used on this host.\n3 findings\n\nError: mptcp-off\n  Seen:   ", report.ToString());
    }

    [Theory]
    [InlineData(true, "Multipath TCP is disabled by configuration, and 2 endpoints require it: GET /a, GET /b.", "Mptcp__Mode")]
    [InlineData(false, "No listener speaks Multipath TCP, and 2 endpoints require it: GET /a, GET /b.", "listener-not-mptcp")]
    public void Apply_EndpointsRequireItAndNoListenerSpeaksIt_ErrorThatNamesThem(bool isDisabled, string seen, string remedy)
    {
        var report = new MptcpHostReport(Facts(
            listeners: [Listener("[::]:80", isMptcp: false, isDisabled ? MptcpMode.Disabled : MptcpMode.Preferred)], endpoints: ["GET /a", "GET /b"]));
        Assert.Equal(["everyone-rejected", "listener-not-mptcp"], report.Findings.Select(finding => finding.Id));
        var finding = report.AssertFound("everyone-rejected", MptcpFindingSeverity.Error);
        Assert.Equal(seen, finding.Seen);
        Assert.Contains(remedy, finding.Remedy);
        Assert.Contains("  Endpoints that require MPTCP: GET /a, GET /b\n", $"{report}");
    }

    [Fact]
    public void Apply_ManyEndpointsRequireIt_ListsTen()
    {
        var report = new MptcpHostReport(Facts(
            listeners: [Listener("[::]:80", isMptcp: false, MptcpMode.Disabled)], endpoints: [.. Enumerable.Range(1, 12).Select(i => $"GET /{i}")]));
        Assert.EndsWith("GET /9, GET /10 and 2 more.", report.AssertFound("everyone-rejected", MptcpFindingSeverity.Error).Seen);
    }

    [Fact]
    public void MissingCounters_KernelBefore617_NamedInTheReport()
    {
        var facts = Facts(limits: (0, 2), counters: [.. KernelCounter.All.Except(["DssFallback", "MPCapableDataFallback", "MPJoinRejected"]).Select(name => (name, 0L))]);
        Assert.Equal(["MPCapableDataFallback", "DssFallback", "MPJoinRejected"], facts.MissingCounters);
        var report = new MptcpHostReport(facts);
        Assert.Contains("  Not counted by this kernel: MPCapableDataFallback, DssFallback, MPJoinRejected\n", $"{report}");
        Assert.Contains("does not count the joins", report.AssertFound("subflow-limit-0", MptcpFindingSeverity.Warning).Seen);

        // 0 is an answer, and a kernel without any counters is another finding.
        Assert.DoesNotContain("count", new MptcpHostReport(Facts(limits: (0, 2), counters: [("MPJoinRejected", 0)])).Findings[0].Seen);
        Assert.Empty(Facts().MissingCounters);
    }

    [Fact]
    public void Apply_FallbacksThatThisKernelDoesNotCount_SaysThatTheApplicationCountedThem()
    {
        var report = new MptcpHostReport(Facts(counters: [("MPCapableSYNRX", 20)], connections: (30, 20, 3)));
        var seen = report.AssertFound("fallback-after-handshake", MptcpFindingSeverity.Warning).Seen;
        Assert.StartsWith("Of 20 connections that this application accepted as Multipath TCP, 3 fell back", seen);
        Assert.Contains("this kernel does not (DssFallback", seen);
    }

    [Fact]
    public void All_CountersThatTheRulesRead_AreListed()
    {
        var asked = new AskedCounters();
        var facts = new MptcpHostFacts { System = "A kernel", OverIPv4 = s_supported, Counters = asked, Listeners = [Listener("[::]:80")], IsClient = true, PathManager = new() { SubflowLimit = 0 } };
        _ = new MptcpHostReport(facts);
        Assert.Equal(KernelCounter.All.Order(), asked.Names.Distinct().Order());
    }

    public static TheoryData<string, MptcpHostFacts> Verdicts => new()
    {
        { "3 of 412 connections since start speak Multipath TCP; clients have offered it to this host 3 times (MPCapableSYNRX).", Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 3)], connections: (412, 3, 0)) },
        { "2 of 9 connections since start speak Multipath TCP, and 1 began with it and fell back to TCP.", Facts(listeners: [Listener("[::]:80")], connections: (9, 3, 1)) },
        { "0 of 412 connections since start speak Multipath TCP; no client has offered it to this host (MPCapableSYNRX is 0).", Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 0)], connections: (412, 0, 0)) },
        { "No connection has been accepted since start; clients have offered it to this host 1 time (MPCapableSYNRX).", Facts(listeners: [Listener("[::]:80")], counters: [("MPCapableSYNRX", 1)], connections: (0, 0, 0)) },
        { "No listener of this application speaks Multipath TCP; 0 of 7 connections since start speak Multipath TCP.", Facts(listeners: [Listener("[::]:80", isMptcp: false)], connections: (7, 0, 0)) },
        { "Multipath TCP can't be used on this host; 0 of 7 connections since start speak Multipath TCP.", Facts(ipv4: s_notBuiltIn, listeners: [Listener("[::]:80", isMptcp: false)], connections: (7, 0, 0)) },
        { "This host has opened no connection with it (MPCapableSYNTX is 0).", Facts(counters: [("MPCapableSYNTX", 0)]) },
        { "This host has opened 5 connections with it (MPCapableSYNTX), and servers answered 4 of them with it (MPCapableSYNACKRX).", Facts(counters: [("MPCapableSYNTX", 5), ("MPCapableSYNACKRX", 4)]) },
        { "It can be used, and nothing is known about its use.", Facts() },
    };

    [Theory]
    [MemberData(nameof(Verdicts), DisableDiscoveryEnumeration = true)]
    public void Verdict_EachKindOfHost_OneSentence(string verdict, MptcpHostFacts facts)
    {
        var report = new MptcpHostReport(facts);
        Assert.Equal(verdict, report.Verdict);
        Assert.StartsWith($"Multipath TCP on this host: {verdict}\n", report.ToString());
    }

    [Fact]
    public void WithHttp3_Report_TheSameFactsAndOneFindingMore()
    {
        var report = new MptcpHostReport(Facts(descriptors: 10, http3: null, connections: (412, 3, 0)));
        var more = report.WithHttp3();
        Assert.Equal(["low-descriptor-limit", "http3-advertised"], more.Findings.Select(finding => finding.Id));
        Assert.Equal((null, true), (report.Facts.AdvertisesHttp3, more.Facts.AdvertisesHttp3));
        Assert.Equal(report.Verdict, more.Verdict);
        Assert.Same(report.Facts.PathManager, more.Facts.PathManager);
    }

    private static MptcpHostFacts Facts(
        MptcpSupport? ipv4 = null, MptcpSupport? ipv6 = null, MptcpSupport? pathEvents = null, (long, long)? limits = null, string? whyUnknown = null,
        string? signal = null, string[]? addresses = null, MptcpListenerFacts[]? listeners = null, (string, long)[]? counters = null,
        string? congestionControl = "reno", bool? http3 = false, long? descriptors = 4096, (long, long, long)? connections = null,
        string[]? endpoints = null) => new()
        {
            System = "A kernel",
            OverIPv4 = ipv4 ?? s_supported,
            OverIPv6 = ipv6 ?? s_supported,
            PathEvents = pathEvents ?? s_supported,
            PathManager = new()
            {
                SubflowLimit = whyUnknown is null ? (limits ?? (2, 2)).Item1 : null,
                AddAddrAcceptedLimit = whyUnknown is null ? (limits ?? (2, 2)).Item2 : null,
                WhyUnknown = whyUnknown,
                Endpoints = signal is null ? [] : [new() { Address = IPAddress.Parse(signal), Flags = MptcpEndpointUses.Signal }],
            },
            LocalAddresses = [.. (addresses ?? []).Select(Address)],
            Listeners = listeners ?? [],
            IsClient = listeners is null,
            Counters = (counters ?? []).ToDictionary(counter => counter.Item1, counter => counter.Item2),
            CongestionControl = congestionControl,
            AdvertisesHttp3 = http3,
            Connections = connections is var (accepted, negotiated, fellBack) ? new() { Accepted = accepted, Negotiated = negotiated, FellBack = fellBack } : null,
            EndpointsRequiringMptcp = endpoints ?? [],
            DescriptorLimit = descriptors,
            DescriptorHardLimit = descriptors,
        };

    private static MptcpLocalAddress Address(string text) =>
        text.Split(' ') is [var address, var device] ? new() { Address = IPAddress.Parse(address), Interface = device } : throw new FormatException(text);

    /// <summary>Notes the names that it is asked about, and has the value 1 for each.</summary>
    private sealed class AskedCounters : IReadOnlyDictionary<string, long>
    {
        public List<string> Names { get; } = [];

        public IEnumerable<string> Keys => [];

        public IEnumerable<long> Values => [];

        public int Count => 1;

        public long this[string key] => TryGetValue(key, out var value) ? value : 0;

        public bool ContainsKey(string key) => TryGetValue(key, out _);

        public bool TryGetValue(string key, out long value)
        {
            Names.Add(key);
            value = 1;
            return true;
        }

        public IEnumerator<KeyValuePair<string, long>> GetEnumerator() => Enumerable.Empty<KeyValuePair<string, long>>().GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    private static MptcpListenerFacts Listener(string endPoint, bool isMptcp = true, MptcpMode? mode = null) =>
        new() { EndPoint = IPEndPoint.Parse(endPoint), IsMptcp = isMptcp, Mode = mode };
}
