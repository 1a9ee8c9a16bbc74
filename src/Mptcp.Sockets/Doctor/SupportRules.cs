using System.Net;

namespace Mptcp.Sockets.Doctor;

/// <summary>Rules about whether Multipath TCP can be used at all.</summary>
internal static class SupportRules
{
    public static MptcpFinding? MptcpOff(MptcpHostFacts facts) => facts.OverIPv4.IsSupported ? null : new(
        "mptcp-off",
        MptcpFindingSeverity.Error,
        facts.OverIPv4.Explanation,
        "Sockets that are opened from now on are plain TCP. A listener that was Multipath TCP before stays so until it is closed.",
        $"{facts.OverIPv4.Remedy} Then start the application again.");

    public static MptcpFinding? MptcpOffForIPv6(MptcpHostFacts facts) => facts is not { OverIPv4.IsSupported: true, OverIPv6: { IsSupported: false } support } ? null : new(
        "mptcp-off-ipv6",
        MptcpFindingSeverity.Warning,
        support.Explanation,
        "Multipath TCP works over IPv4, but a listener on [::], which serves both, is plain TCP for both.",
        $"{support.Remedy} Until then listen on 0.0.0.0 to have it over IPv4.");

    public static MptcpFinding? EveryoneRejected(MptcpHostFacts facts)
    {
        const int MostNames = 10;
        var names = facts.EndpointsRequiringMptcp;
        if (names.Count == 0 || facts.Listeners.Count == 0 || facts.Listeners.Any(listener => listener.IsMptcp))
        {
            return null;
        }

        var listed = string.Join(", ", names.Take(MostNames)) + (names.Count > MostNames ? $" and {names.Count - MostNames} more" : "");
        var isDisabled = facts.Listeners.Any(listener => listener.Mode == MptcpMode.Disabled);
        return new(
            "everyone-rejected",
            MptcpFindingSeverity.Error,
            $"{(isDisabled ? "Multipath TCP is disabled by configuration" : "No listener speaks Multipath TCP")}, and {Number.Of(names.Count, "endpoint")} {(names.Count == 1 ? "requires" : "require")} it: {listed}.",
            "Every connection is plain TCP, so these endpoints reject every request.",
            isDisabled
                ? "Remove Mode Disabled (the configuration key Mptcp:Mode, Mptcp__Mode in the environment, or the option), or let these endpoints accept TCP: AllowTcpFallback(), or MonitorOnly in their policy. Then start the application again."
                : "The finding mptcp-off or listener-not-mptcp has the reason. Until it is fixed, let these endpoints accept TCP: AllowTcpFallback(), or MonitorOnly in their policy.");
    }

    public static MptcpFinding? ListenerNotMptcp(MptcpHostFacts facts)
    {
        var listeners = facts.Listeners.Where(listener => !listener.IsMptcp && listener.EndPoint is IPEndPoint).ToArray();
        if (listeners.Length == 0)
        {
            return null;
        }

        var onPurpose = listeners.All(listener => listener.Mode == MptcpMode.Disabled);
        return new(
            "listener-not-mptcp",
            onPurpose ? MptcpFindingSeverity.Information : MptcpFindingSeverity.Warning,
            $"These listeners are plain TCP: {string.Join(", ", listeners.Select(Describe))}.",
            "A client that offers Multipath TCP there is served over TCP.",
            onPurpose ? "If this is no longer wanted, remove Mode Disabled and start again." : "Fix the cause and start the application again: the protocol of an open listener can't be changed.");
    }

    private static string Describe(MptcpListenerFacts listener) =>
        listener.WhyNotMptcp is { } why ? $"{listener.EndPoint} ({why.TrimEnd('.')})" : $"{listener.EndPoint}";
}
