namespace Mptcp.Sockets.Doctor;

/// <summary>What the kernel has counted since this network namespace was made, of all processes in it.</summary>
internal static class CounterRules
{
    /// <summary>Counters cover the whole uptime, and a few strange peers are on every public host: less than this is only told.</summary>
    private const double NoticeableShare = 0.1;

    private const double LargeShare = 0.5;

    public static MptcpFinding? BlackHole(MptcpHostFacts facts)
    {
        var detected = facts.Count("Blackhole");
        var disabled = facts.Count("MPCapableSYNTXDisabled");
        if (detected == 0 && disabled == 0)
        {
            return null;
        }

        var timeout = facts.Settings.GetValueOrDefault("net.mptcp.blackhole_timeout", "3600");
        return new(
            "black-hole",
            MptcpFindingSeverity.Warning,
            $"{Number.Of(detected, "time")} a server answered only when asked without Multipath TCP (Blackhole), and {Number.Of(disabled, "connection")} went out as TCP on account of it (MPCapableSYNTXDisabled).",
            $"This is what a firewall looks like that drops the SYN of Multipath TCP instead of ignoring its option, or a server that was just coming up. The kernel then switches Multipath TCP off for all connections that this host opens, for {timeout} seconds (blackhole_timeout) and longer each time: it may be off now. The counters don't tell.",
            $"Find what drops them. Then switch it on again, as root: sysctl -w net.mptcp.blackhole_timeout={timeout} (writing any value does; 0 ends the detection)");
    }

    public static MptcpFinding? JoinsWithoutToken(MptcpHostFacts facts)
    {
        var lost = facts.Count("MPJoinNoTokenFound");
        return lost == 0 ? null : new(
            "joins-without-token",
            MptcpFindingSeverity.Warning,
            $"{Number.Of(lost, "further path")} arrived for connections that this host does not have (MPJoinNoTokenFound; {facts.Count("MPJoinSynRx")} arrived in all).",
            "Behind a load balancer this is how further paths look that were sent to another backend than their connection was. A few can also come from connections that had just ended, or from a restart.",
            "Behind a load balancer, let clients open further paths to an address of this very host: sysctl -w net.mptcp.allow_join_initial_addr_port=0 and ip mptcp endpoint add ADDRESS dev DEVICE port PORT signal");
    }

    public static MptcpFinding? OptionsStripped(MptcpHostFacts facts)
    {
        var fallbacks = facts.Count("MPCapableFallbackACK");
        var asked = facts.Count("MPCapableSYNRX");
        return fallbacks == 0 ? null : new(
            "options-stripped",
            SeverityOf(fallbacks, asked),
            $"Of {Number.Of(asked, "client")} that asked for Multipath TCP {fallbacks} went on without it in the middle of the handshake (MPCapableFallbackACK).",
            "This is how it looks when something between them and this host removes the options from its answers, or from what follows. Where they are removed from the first packet already it is not even counted.",
            "Look where the option gets lost: tcpdump -nvi any 'tcp[tcpflags] & tcp-syn != 0' on both sides. Let firewalls, proxies and load balancers on the way pass TCP option 30.");
    }

    public static MptcpFinding? ServersWithoutMptcp(MptcpHostFacts facts)
    {
        var fallbacks = facts.Count("MPCapableFallbackSYNACK");
        var asked = fallbacks + facts.Count("MPCapableSYNACKRX");
        return fallbacks == 0 || fallbacks < NoticeableShare * asked ? null : new(
            "servers-without-mptcp",
            MptcpFindingSeverity.Information,
            $"Of {Number.Of(asked, "connection")} that this host opened with Multipath TCP and that were answered, {fallbacks} were answered without (MPCapableFallbackSYNACK).",
            "Either those servers don't speak Multipath TCP, or something on the way removes its options: it looks the same from here.",
            "Ask a server that does: curl https://check.mptcp.dev under mptcpize run. If that says no, look at the firewalls and proxies of this network.");
    }

    public static MptcpFinding? FallbackAfterHandshake(MptcpHostFacts facts)
    {
        // Only the first is sure: the second counts connections too that the peer aborted before there was any data (Linux 6.18).
        var sure = facts.Count("DssFallback");
        var all = sure + facts.Count("MPCapableDataFallback");
        var established = facts.Count("MPCapableACKRX") + facts.Count("MPCapableSYNACKRX");
        if (sure == 0 && (all == 0 || all < NoticeableShare * established))
        {
            return null;
        }

        return new(
            "fallback-after-handshake",
            all >= LargeShare * established ? MptcpFindingSeverity.Warning : SeverityOf(sure, established),
            $"Of {Number.Of(established, "connection")} that began as Multipath TCP {sure} fell back to TCP later (DssFallback) and {all - sure} with the first data (MPCapableDataFallback).",
            "This is how it looks when something on the way lets the handshake pass and then removes the options: a proxy, a load balancer or a firewall that rewrites TCP. MPCapableDataFallback alone can also be clients or servers that abort connections before they send anything.",
            "Ask the connections themselves (MptcpSocket.GetStatus, IMptcpFeature): those that work and say FellBack were meddled with. tcpdump -nv on both sides shows from which packet on TCP option 30 is missing; let it pass there.");
    }

    private static MptcpFindingSeverity SeverityOf(long count, long of) =>
        count > 0 && count >= NoticeableShare * of ? MptcpFindingSeverity.Warning : MptcpFindingSeverity.Information;
}
