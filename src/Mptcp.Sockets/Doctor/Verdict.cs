using static Mptcp.Sockets.Doctor.KernelCounter;

namespace Mptcp.Sockets.Doctor;

/// <summary>The report in one sentence: do connections use Multipath TCP, and does the peer ask for it at all?</summary>
internal static class Verdict
{
    public static string Of(MptcpHostFacts facts)
    {
        var parts = new List<string>();
        if (!facts.OverIPv4.IsSupported)
        {
            parts.Add("Multipath TCP can't be used on this host");
        }
        else if (facts.Listeners.Count > 0 && !facts.Listeners.Any(listener => listener.IsMptcp))
        {
            parts.Add("no listener of this application speaks Multipath TCP");
        }

        if (facts.Connections is { } connections)
        {
            parts.Add(Describe(connections));
        }

        if (facts.Listeners.Count > 0 && facts.IsCounted(MPCapableSYNRX))
        {
            parts.Add(facts.Count(MPCapableSYNRX) is > 0 and var offers
                ? $"clients have offered it to this host {Number.Of(offers, "time")} (MPCapableSYNRX)"
                : "no client has offered it to this host (MPCapableSYNRX is 0)");
        }

        if (facts.IsClient && facts.IsCounted(MPCapableSYNTX))
        {
            parts.Add(facts.Count(MPCapableSYNTX) is > 0 and var asked
                ? $"this host has opened {Number.Of(asked, "connection")} with it (MPCapableSYNTX), and servers answered {facts.Count(MPCapableSYNACKRX)} of them with it (MPCapableSYNACKRX)"
                : "this host has opened no connection with it (MPCapableSYNTX is 0)");
        }

        if (parts.Count == 0)
        {
            parts.Add("it can be used, and nothing is known about its use");
        }

        var text = string.Join("; ", parts);
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }

    private static string Describe(MptcpConnectionFacts connections)
    {
        if (connections.Accepted == 0)
        {
            return "no connection has been accepted since start";
        }

        var speak = $"{connections.Negotiated - connections.FellBack} of {Number.Of(connections.Accepted, "connection")} since start speak Multipath TCP";
        return connections.FellBack == 0 ? speak : $"{speak}, and {connections.FellBack} began with it and fell back to TCP";
    }
}
