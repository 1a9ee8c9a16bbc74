using static Mptcp.Sockets.Doctor.KernelCounter;

namespace Mptcp.Sockets.Doctor;

/// <summary>Rules about the kernel's counters. They cover all processes of the network namespace, since it was created.</summary>
internal static class CounterRules
{
    /// <summary>A few unusual peers reach every public host. A smaller share is Information, not a Warning.</summary>
    private const double NoticeableShare = 0.1;

    private const double LargeShare = 0.5;

    public static MptcpFinding? NoClientOffers(MptcpHostFacts facts)
    {
        // A listener that was opened in another network namespace is counted there.
        if (!facts.Listeners.Any(listener => listener.IsMptcp) || !facts.IsCounted(MPCapableSYNRX) || facts.Count(MPCapableSYNRX) > 0
            || facts.Connections is { Accepted: 0 } or { Negotiated: > 0 })
        {
            return null;
        }

        const string NoOffer = "No client has offered Multipath TCP to this host (MPCapableSYNRX is 0).";
        return new(
            "no-client-offers",
            facts.Connections is null ? MptcpFindingSeverity.Information : MptcpFindingSeverity.Warning,
            facts.Connections is { Accepted: var accepted } ? $"Accepted since start: {Number.Of(accepted, "connection")}. {NoOffer}" : NoOffer,
            "The client decides: a connection is Multipath TCP only when the client offers it in its SYN (RFC 8684, section 3.1), and most programs do not offer it unless they are told to. Behind a proxy or a load balancer that ends connections, that one is the client. A firewall on the way can also remove the offer; it looks the same from here.",
            "Try it from a Linux machine: mptcpize run curl URL, or curl --mptcp URL (curl 8.9.0). These clients offer it: HttpClient with UseMptcp() of this library; Linux programs under mptcpize run; Go programs that call net.Dialer.SetMultipathTCP(true); iOS applications that set URLSessionConfiguration.multipathServiceType and have the entitlement com.apple.developer.networking.multipath.");
    }

    public static MptcpFinding? BlackHole(MptcpHostFacts facts)
    {
        var detected = facts.Count(Blackhole);
        var disabled = facts.Count(MPCapableSYNTXDisabled);
        if (detected == 0 && disabled == 0)
        {
            return null;
        }

        var timeout = facts.Settings.GetValueOrDefault("net.mptcp.blackhole_timeout", "3600");
        return new(
            "black-hole",
            MptcpFindingSeverity.Warning,
            $"{Number.Of(detected, "time")} a server answered only when it was asked without Multipath TCP (Blackhole). After that, {Number.Of(disabled, "connection")} went out as TCP (MPCapableSYNTXDisabled).",
            $"Either a firewall drops a SYN that has the option instead of ignoring the option, or a server was just starting. The kernel then switches Multipath TCP off for all connections that this host opens, for {timeout} seconds (blackhole_timeout), and longer each time. It may be off now: the counters do not show it.",
            $"Find the cause of the drops. Then switch it on again, as root: sysctl -w net.mptcp.blackhole_timeout={timeout} (writing any value does; 0 ends the detection)");
    }

    public static MptcpFinding? JoinsWithoutToken(MptcpHostFacts facts)
    {
        var lost = facts.Count(MPJoinNoTokenFound);
        return lost == 0 ? null : new(
            "joins-without-token",
            MptcpFindingSeverity.Warning,
            $"{Number.Of(lost, "further path")} arrived for connections that this host does not have (MPJoinNoTokenFound; {facts.Count(MPJoinSynRx)} arrived in all).",
            "A load balancer may have sent the path to another backend than the connection. A few can also come from connections that had just ended, or from a restart.",
            "Behind a load balancer, let clients open further paths to an address of this very host: sysctl -w net.mptcp.allow_join_initial_addr_port=0 and ip mptcp endpoint add ADDRESS dev DEVICE port PORT signal");
    }

    public static MptcpFinding? OptionsStripped(MptcpHostFacts facts)
    {
        var fallbacks = facts.Count(MPCapableFallbackACK);
        var asked = facts.Count(MPCapableSYNRX);
        return fallbacks == 0 ? null : new(
            "options-stripped",
            SeverityOf(fallbacks, asked),
            $"Of {Number.Of(asked, "client")} that asked for Multipath TCP, {fallbacks} went on without it in the middle of the handshake (MPCapableFallbackACK).",
            "Something between the clients and this host may remove the options from its answers, or from the packets that follow. If they are already removed from the first packet, the kernel does not count it.",
            "Find where the option is lost: tcpdump -nvi any 'tcp[tcpflags] & tcp-syn != 0' on both sides. Let firewalls, proxies and load balancers on the way pass TCP option 30.");
    }

    public static MptcpFinding? ServersWithoutMptcp(MptcpHostFacts facts)
    {
        var fallbacks = facts.Count(MPCapableFallbackSYNACK);
        var asked = fallbacks + facts.Count(MPCapableSYNACKRX);
        return fallbacks == 0 || fallbacks < NoticeableShare * asked ? null : new(
            "servers-without-mptcp",
            MptcpFindingSeverity.Information,
            $"Of {Number.Of(asked, "connection")} that this host opened with Multipath TCP and that were answered, {fallbacks} were answered without (MPCapableFallbackSYNACK).",
            "Either those servers don't speak Multipath TCP, or something on the way removes its options: it looks the same from here.",
            "Ask a server that does: curl https://check.mptcp.dev under mptcpize run. If that says no, look at the firewalls and proxies of this network.");
    }

    public static MptcpFinding? FallbackAfterHandshake(MptcpHostFacts facts)
    {
        if (!facts.IsCounted(DssFallback) && !facts.IsCounted(MPCapableDataFallback))
        {
            return FallbackThatOnlyTheApplicationCounted(facts);
        }

        // Only the first is sure: the second also counts connections that the peer aborted before there was any data (Linux 6.18).
        var sure = facts.Count(DssFallback);
        var all = sure + facts.Count(MPCapableDataFallback);
        var established = facts.Count(MPCapableACKRX) + facts.Count(MPCapableSYNACKRX);
        if (sure == 0 && (all == 0 || all < NoticeableShare * established))
        {
            return null;
        }

        return FellBack(
            all >= LargeShare * established ? MptcpFindingSeverity.Warning : SeverityOf(sure, established),
            $"Of {Number.Of(established, "connection")} that began as Multipath TCP, {sure} fell back to TCP later (DssFallback) and {all - sure} with the first data (MPCapableDataFallback).",
            " MPCapableDataFallback alone can also be clients or servers that abort connections before they send anything.");
    }

    public static MptcpFinding? NoToken(MptcpHostFacts facts)
    {
        var without = facts.Count(MPFallbackTokenInit);
        return without == 0 ? null : new(
            "no-token",
            SeverityOf(without, facts.Count(MPCapableSYNRX) + facts.Count(MPCapableSYNTX)),
            $"{Number.Of(without, "connection")} went without Multipath TCP because the kernel had no free token (MPFallbackTokenInit).",
            "Each Multipath TCP connection of the machine has a token in one table of the kernel, whose size depends on the memory (net/mptcp/token.c). It fills up when very many connections are open or are being opened, as in a flood of short ones. Such connections are plain TCP.",
            "Count the connections: ss -Man | wc -l. Let clients reuse them (keep-alive, HTTP/2), and limit the connections that one client may open.");
    }

    public static MptcpFinding? PayloadChanged(MptcpHostFacts facts)
    {
        var peers = facts.Count(MPFailRx);
        var here = facts.Count(MPFailTx);
        return peers == 0 && here == 0 ? null : new(
            "payload-changed",
            MptcpFindingSeverity.Warning,
            $"Data was changed on the way: peers reported it {Number.Of(peers, "time")} (MPFailRx), and this host reported it {Number.Of(here, "time")} (MPFailTx).",
            "MP_FAIL reports data whose checksum was wrong (RFC 8684, section 3.7): something on the way rewrites the payload, such as a proxy or an application-level gateway. A connection with one path falls back to TCP then, and the application may have received the changed data.",
            "Use TLS, which detects changed data. Find the device that rewrites payloads between this host and those peers, and exclude this traffic from it.");
    }

    /// <summary>Linux before 6.17 does not count fallbacks. The application sees those of its own connections.</summary>
    private static MptcpFinding? FallbackThatOnlyTheApplicationCounted(MptcpHostFacts facts) =>
        facts.Connections is not { FellBack: > 0 and var fellBack, Negotiated: var negotiated } ? null : FellBack(
            SeverityOf(fellBack, negotiated),
            $"Of {Number.Of(negotiated, "connection")} that this application accepted as Multipath TCP, {fellBack} fell back to TCP later. The application counted them: this kernel does not (DssFallback, MPCapableDataFallback; Linux 6.17).");

    private static MptcpFinding FellBack(MptcpFindingSeverity severity, string seen, string moreWhy = "") => new(
        "fallback-after-handshake",
        severity,
        seen,
        $"Something on the way may let the handshake pass and then remove the options: a proxy, a load balancer or a firewall that rewrites TCP.{moreWhy}",
        "Ask the connections themselves (MptcpSocket.GetStatus, IMptcpFeature): a connection that works and whose status is FellBack lost its options on the way. tcpdump -nv on both sides shows from which packet on TCP option 30 is missing; let it pass there.");

    private static MptcpFindingSeverity SeverityOf(long count, long of) =>
        count > 0 && count >= NoticeableShare * of ? MptcpFindingSeverity.Warning : MptcpFindingSeverity.Information;
}
