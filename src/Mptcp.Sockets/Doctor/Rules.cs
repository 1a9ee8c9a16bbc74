namespace Mptcp.Sockets.Doctor;

/// <summary>All that is looked for. Each rule looks at the facts alone, and makes the one finding whose id stands beside it.</summary>
internal static class Rules
{
    public static readonly IReadOnlyDictionary<string, Func<MptcpHostFacts, MptcpFinding?>> All = new Dictionary<string, Func<MptcpHostFacts, MptcpFinding?>>
    {
        ["mptcp-off"] = SupportRules.MptcpOff,
        ["mptcp-off-ipv6"] = SupportRules.MptcpOffForIPv6,
        ["listener-not-mptcp"] = SupportRules.ListenerNotMptcp,
        ["subflow-limit-0"] = PathRules.SubflowLimit,
        ["no-signal-endpoint"] = PathRules.NoSignalEndpoint,
        ["announcements-ignored"] = PathRules.AnnouncementsIgnored,
        ["listener-on-one-address"] = PathRules.ListenerOnOneAddress,
        ["path-manager-unknown"] = PathRules.PathManagerUnknown,
        ["no-path-events"] = PathRules.NoPathEvents,
        ["black-hole"] = CounterRules.BlackHole,
        ["joins-without-token"] = CounterRules.JoinsWithoutToken,
        ["options-stripped"] = CounterRules.OptionsStripped,
        ["servers-without-mptcp"] = CounterRules.ServersWithoutMptcp,
        ["fallback-after-handshake"] = CounterRules.FallbackAfterHandshake,
        ["congestion-control"] = HostRules.CongestionControl,
        ["http3-advertised"] = HostRules.Http3Advertised,
        ["low-descriptor-limit"] = HostRules.LowDescriptorLimit,
    };

    /// <summary>The worst first, and otherwise in the order above.</summary>
    public static MptcpFinding[] Apply(MptcpHostFacts facts) =>
        [.. All.Values.Select(rule => rule(facts)).OfType<MptcpFinding>().OrderByDescending(finding => finding.Severity)];
}
