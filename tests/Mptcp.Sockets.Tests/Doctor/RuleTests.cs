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
        Assert.Equal(Rules.All.Keys.Order(), Provoked.Select(row => row.Data.Item1).Distinct().Order());

    [Fact]
    public void Findings_Several_WorstFirst()
    {
        var report = new MptcpHostReport(Facts(ipv4: s_notBuiltIn, descriptors: 10, http3: true));
        Assert.Equal(["mptcp-off", "low-descriptor-limit", "http3-advertised"], report.Findings.Select(finding => finding.Id));
        Assert.StartsWith("Multipath TCP on this host: 3 findings\n\nError: mptcp-off\n  Seen:   ", report.ToString());
    }

    private static MptcpHostFacts Facts(
        MptcpSupport? ipv4 = null, MptcpSupport? ipv6 = null, MptcpSupport? pathEvents = null, (long, long)? limits = null, string? whyUnknown = null,
        string? signal = null, string[]? addresses = null, MptcpListenerFacts[]? listeners = null, (string, long)[]? counters = null,
        string? congestionControl = "reno", bool? http3 = false, long? descriptors = 4096) => new()
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
            DescriptorLimit = descriptors,
            DescriptorHardLimit = descriptors,
        };

    private static MptcpLocalAddress Address(string text) =>
        text.Split(' ') is [var address, var device] ? new() { Address = IPAddress.Parse(address), Interface = device } : throw new FormatException(text);

    private static MptcpListenerFacts Listener(string endPoint, bool isMptcp = true, MptcpMode? mode = null) =>
        new() { EndPoint = IPEndPoint.Parse(endPoint), IsMptcp = isMptcp, Mode = mode };
}
