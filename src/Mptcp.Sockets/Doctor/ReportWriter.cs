using System.Globalization;
using System.Text;

namespace Mptcp.Sockets.Doctor;

/// <summary>The report as plain text.</summary>
internal static class ReportWriter
{
    public static string Write(MptcpHostReport report)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"Multipath TCP on this host: {report.Verdict}\n");
        WriteFindings(page, report.Findings);
        WriteFacts(page, report.Facts);
        return page.ToString();
    }

    private static void WriteFindings(StringBuilder page, IReadOnlyList<MptcpFinding> findings)
    {
        page.Append(findings.Count == 0 ? "No findings" : Number.Of(findings.Count, "finding")).Append('\n');
        foreach (var finding in findings)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n{finding.Severity}: {finding.Id}\n  Seen:   {finding.Seen}\n  Why:    {finding.Why}\n  Remedy: {finding.Remedy}\n");
        }
    }

    private static void WriteFacts(StringBuilder page, MptcpHostFacts facts)
    {
        page.Append("\nFacts\n");
        Line("System", facts.System);
        Line("MPTCP over IPv4", facts.OverIPv4.Explanation);
        Line("MPTCP over IPv6", facts.OverIPv6?.Explanation ?? "This host has no IPv6.");
        Line("Path events", facts.PathEvents?.Explanation ?? "not known");
        Line("Congestion control", $"{facts.CongestionControl ?? "not known"} (available: {Join(facts.AvailableCongestionControls)}; allowed: {Join(facts.AllowedCongestionControls)})");
        Line("Descriptors", $"{Limit(facts.DescriptorLimit)}, at most {Limit(facts.DescriptorHardLimit)}");
        Line("Addresses", Join(facts.LocalAddresses.Select(address => $"{address.Address} ({address.Interface})")));
        Line("Path manager", facts.PathManager.WhyUnknown ?? $"subflows {facts.PathManager.SubflowLimit}, add_addr_accepted {facts.PathManager.AddAddrAcceptedLimit}");
        foreach (var endpoint in facts.PathManager.Endpoints)
        {
            Line("Endpoint", $"{endpoint.Address} id {endpoint.Id}{(endpoint.Port is { } port ? $" port {port}" : "")}{(endpoint.Interface is { } device ? $" dev {device}" : "")} {endpoint.Flags}");
        }

        foreach (var listener in facts.Listeners)
        {
            Line("Listener", $"{listener.EndPoint} {(listener.IsMptcp ? "MPTCP" : "TCP")}{(listener.WhyNotMptcp is { } why ? $" ({why})" : "")}");
        }

        if (facts.Connections is { } connections)
        {
            Line("Connections since start", $"{connections.Accepted} accepted, {connections.Negotiated} of them as Multipath TCP, of which {connections.FellBack} fell back");
        }

        if (facts.EndpointsRequiringMptcp.Count > 0)
        {
            Line("Endpoints that require MPTCP", Join(facts.EndpointsRequiringMptcp));
        }

        foreach (var (name, value) in facts.Settings)
        {
            Line(name, value);
        }

        foreach (var (name, count) in facts.Counters.Where(counter => counter.Value != 0))
        {
            Line(name, $"{count}");
        }

        if (facts.MissingCounters is { Count: > 0 } missing)
        {
            Line("Not counted by this kernel", Join(missing));
        }

        void Line(string name, string value) => page.Append(CultureInfo.InvariantCulture, $"  {name}: {value}\n");
    }

    private static string Join(IEnumerable<string> values) => string.Join(", ", values) is { Length: > 0 } text ? text : "none";

    private static string Limit(long? limit) => limit switch
    {
        null => "not known",
        long.MaxValue => "unlimited",
        _ => $"{limit}",
    };
}
