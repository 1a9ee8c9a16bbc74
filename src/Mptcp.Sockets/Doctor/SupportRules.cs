using System.Net;

namespace Mptcp.Sockets.Doctor;

/// <summary>Whether there is Multipath TCP at all.</summary>
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

    public static MptcpFinding? ListenerNotMptcp(MptcpHostFacts facts)
    {
        var listeners = facts.Listeners.Where(listener => !listener.IsMptcp && listener.EndPoint is IPEndPoint or DnsEndPoint).ToArray();
        if (listeners.Length == 0)
        {
            return null;
        }

        var onPurpose = listeners.All(listener => listener.Mode == MptcpMode.Disabled);
        return new(
            "listener-not-mptcp",
            onPurpose ? MptcpFindingSeverity.Information : MptcpFindingSeverity.Warning,
            $"Plain TCP is what listens on {string.Join(", ", listeners.Select(Describe))}.",
            "Whoever offers Multipath TCP there is served over TCP.",
            onPurpose ? "Where that is not wanted any more, remove Mode Disabled and start again." : "Mend the reason and start the application again: a listener stays what it was opened as.");
    }

    private static string Describe(MptcpListenerFacts listener) =>
        listener.WhyNotMptcp is { } why ? $"{listener.EndPoint} ({why.TrimEnd('.')})" : $"{listener.EndPoint}";
}
