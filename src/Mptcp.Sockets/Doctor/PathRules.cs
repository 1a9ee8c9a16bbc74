using System.Net;

namespace Mptcp.Sockets.Doctor;

/// <summary>Rules about whether connections can have further paths.</summary>
internal static class PathRules
{
    public static MptcpFinding? SubflowLimit(MptcpHostFacts facts)
    {
        if (facts.PathManager.SubflowLimit != 0 || !KernelManagesPaths(facts))
        {
            return null;
        }

        var rejected = facts.Count(KernelCounter.MPJoinRejected);
        var joins = rejected > 0 ? $"; {Number.Of(rejected, "join")} rejected so far (MPJoinRejected)"
            : facts.MissingCounters.Contains(KernelCounter.MPJoinRejected) ? "; this kernel does not count the joins that it rejects (MPJoinRejected)"
            : "";
        return new(
            "subflow-limit-0",
            MptcpFindingSeverity.Warning,
            $"The path manager allows no subflows besides the first one{joins}.",
            "Connections of this host can't have a second path, whatever their peers ask for: they speak Multipath TCP without its benefit.",
            "As root: ip mptcp limits set subflows 2");
    }

    public static MptcpFinding? NoSignalEndpoint(MptcpHostFacts facts)
    {
        var byInterface = facts.LocalAddresses.GroupBy(address => address.Interface).ToArray();
        if (byInterface.Length < 2 || !facts.OverIPv4.IsSupported || !PublicListeners(facts).Any() || !KernelManagesPaths(facts)
            || facts.PathManager.WhyUnknown is not null || Announced(facts).Any())
        {
            return null;
        }

        var commands = byInterface.Skip(1)
            .SelectMany(addresses => addresses.DistinctBy(address => address.Address.AddressFamily))
            .Select(address => $"ip mptcp endpoint add {address.Address} dev {address.Interface} signal");
        return new(
            "no-signal-endpoint",
            MptcpFindingSeverity.Information,
            $"This server has addresses on {byInterface.Length} interfaces ({string.Join(", ", byInterface.Select(addresses => addresses.Key))}), and announces none of them to its clients.",
            "Clients that have a second address can open a second path without that. Clients with one address need a second address of the server, and can't learn it. If not all of these interfaces lead to clients, nothing needs to be changed.",
            $"As root, for addresses that clients can reach: {string.Join(" ; ", commands)}");
    }

    public static MptcpFinding? AnnouncementsIgnored(MptcpHostFacts facts) =>
        !facts.IsClient || !facts.OverIPv4.IsSupported || facts.PathManager.AddAddrAcceptedLimit != 0 || !KernelManagesPaths(facts) ? null : new(
            "announcements-ignored",
            MptcpFindingSeverity.Information,
            "As a client, this host uses none of the addresses that servers announce (add_addr_accepted is 0, which is the kernel's default).",
            "No paths are opened to a server's further addresses. Paths from this host's own further addresses (subflow endpoints) don't depend on it.",
            "As root: ip mptcp limits set add_addr_accepted 2");

    public static MptcpFinding? ListenerOnOneAddress(MptcpHostFacts facts)
    {
        var unreachable =
            (from listener in PublicListeners(facts)
             let bound = (IPEndPoint)listener.EndPoint
             from endpoint in Announced(facts)
             where endpoint.Port is null && endpoint.Address.AddressFamily == bound.AddressFamily
                && !PublicListeners(facts).Any(other => Takes((IPEndPoint)other.EndPoint, endpoint.Address, bound.Port))
             select (bound, endpoint.Address)).ToArray();
        return unreachable.Length == 0 ? null : new(
            "listener-on-one-address",
            MptcpFindingSeverity.Warning,
            $"{string.Join(", ", unreachable.Select(pair => pair.bound).Distinct())} takes no connections to {string.Join(", ", unreachable.Select(pair => pair.Address).Distinct())}, which this host announces to clients.",
            "The kernel resets a further path that arrives at an address and port without a Multipath TCP listener, so these attempts of clients fail.",
            "Listen on 0.0.0.0 or [::] (ListenAnyIP), or remove the announcement: ip mptcp endpoint show, ip mptcp endpoint delete id ID");
    }

    public static MptcpFinding? PathManagerUnknown(MptcpHostFacts facts) => facts.OverIPv4.IsSupported && facts.PathManager.WhyUnknown is { } why ? new(
        "path-manager-unknown",
        MptcpFindingSeverity.Information,
        why,
        "Its limits and endpoints decide which further paths are opened; they were not examined.",
        "Read them with: ip mptcp limits show ; ip mptcp endpoint show") : null;

    public static MptcpFinding? NoPathEvents(MptcpHostFacts facts) =>
        !facts.OverIPv4.IsSupported || facts.PathEvents is not { IsSupported: false } support ? null : new(
            "no-path-events",
            MptcpFindingSeverity.Information,
            support.Explanation,
            "Paths that are added and lost can't be watched (MptcpPathMonitor, AddMptcpPathMonitor). Everything else works without.",
            support.Remedy ?? "");

    /// <summary>With the path manager in user space, the kernel's own limits and endpoints have no effect.</summary>
    private static bool KernelManagesPaths(MptcpHostFacts facts) =>
        facts.Settings.GetValueOrDefault("net.mptcp.path_manager", "kernel") == "kernel"
        && facts.Settings.GetValueOrDefault("net.mptcp.pm_type", "0") == "0";

    private static IEnumerable<MptcpEndpointFacts> Announced(MptcpHostFacts facts) =>
        facts.PathManager.Endpoints.Where(endpoint => endpoint.Flags.HasFlag(MptcpEndpointUses.Signal));

    /// <summary>Without those on loopback addresses, whose clients have no other paths.</summary>
    private static IEnumerable<MptcpListenerFacts> PublicListeners(MptcpHostFacts facts) =>
        facts.Listeners.Where(listener => listener is { IsMptcp: true, EndPoint: IPEndPoint ip } && !IPAddress.IsLoopback(ip.Address));

    /// <summary>[::] accepts IPv4 too, as Kestrel opens it.</summary>
    private static bool Takes(IPEndPoint listener, IPAddress address, int port) =>
        listener.Port == port
        && (listener.Address.Equals(address) || listener.Address.Equals(IPAddress.IPv6Any)
            || (listener.Address.Equals(IPAddress.Any) && address.AddressFamily == listener.AddressFamily));
}
