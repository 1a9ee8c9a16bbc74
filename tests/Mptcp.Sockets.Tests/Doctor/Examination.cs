using System.Net;
using System.Text.RegularExpressions;
using Mptcp.TestNetwork;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>Examines hosts, and does what the findings say.</summary>
internal static partial class Examination
{
    public const int Port = 8080;

    public static MptcpExamination Server(params IPAddress[] listenOn) => new()
    {
        Listeners = [.. listenOn.Select(address => new MptcpListenerFacts { EndPoint = new IPEndPoint(address, Port), IsMptcp = true })],
    };

    public static MptcpHostReport Examine(this NetworkNamespace host, MptcpExamination? examination = null) => host.Run(() =>
    {
        // Read by the time it returns: only this thread is on that host.
        var examining = MptcpHost.ExamineAsync(examination);
        Assert.True(examining.IsCompletedSuccessfully);
        return examining.Result;
    });

    public static MptcpFinding? Find(this MptcpHostReport report, string id) => report.Findings.SingleOrDefault(finding => finding.Id == id);

    public static MptcpFinding AssertFound(this MptcpHostReport report, string id, MptcpFindingSeverity severity)
    {
        var finding = report.Find(id);
        Assert.True(finding is not null, $"No {id} in:\n{report}");
        Assert.Equal(severity, finding.Severity);
        return finding;
    }

    public static void AssertNotFound(this MptcpHostReport report, string id) => Assert.True(report.Find(id) is null, $"{report}");

    /// <summary>Runs the commands in the remedy as a reader would who copies them.</summary>
    public static async Task DoAsync(this NetworkNamespace host, MptcpFinding finding)
    {
        var commands = Commands().Match(finding.Remedy);
        Assert.True(commands.Success, finding.Remedy);
        await host.ExecuteAsync("sh", "-ec", commands.Value);
    }

    [GeneratedRegex(@"(ip mptcp|sysctl) .*?(?=$| \(| Then)")]
    private static partial Regex Commands();
}
