namespace Mptcp.Sockets.Doctor;

/// <summary>All rules by the id of their finding. A rule uses the facts alone and makes at most one finding.</summary>
internal static class Rules
{
    public static readonly IReadOnlyDictionary<string, Func<MptcpHostFacts, MptcpFinding?>> All = new Dictionary<string, Func<MptcpHostFacts, MptcpFinding?>>
    {
        ["mptcp-off"] = SupportRules.MptcpOff,
        ["everyone-rejected"] = SupportRules.EveryoneRejected,
        ["mptcp-off-ipv6"] = SupportRules.MptcpOffForIPv6,
        ["listener-not-mptcp"] = SupportRules.ListenerNotMptcp,
        ["no-client-offers"] = CounterRules.NoClientOffers,
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
        ["no-token"] = CounterRules.NoToken,
        ["payload-changed"] = CounterRules.PayloadChanged,
        ["congestion-control"] = HostRules.CongestionControl,
        ["http3-advertised"] = HostRules.Http3Advertised,
        ["low-descriptor-limit"] = HostRules.LowDescriptorLimit,
    };

    /// <summary>The most severe first, and otherwise in the order above.</summary>
    public static MptcpFinding[] Apply(MptcpHostFacts facts) =>
        [.. All.Values.Select(rule => rule(facts)).OfType<MptcpFinding>().OrderByDescending(finding => finding.Severity)];
}
