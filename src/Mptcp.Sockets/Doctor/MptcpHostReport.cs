using Mptcp.Sockets.Doctor;

namespace Mptcp.Sockets;

/// <summary>The result of <see cref="MptcpHost.ExamineAsync"/>.</summary>
public sealed class MptcpHostReport
{
    internal MptcpHostReport(MptcpHostFacts facts)
    {
        Facts = facts;
        Findings = Rules.Apply(facts);
        Verdict = Doctor.Verdict.Of(facts);
    }

    /// <summary>
    /// The answer in one sentence: how many connections use Multipath TCP, and whether the peers ask for it. Such as "3 of 412 connections since
    /// start speak Multipath TCP; clients have offered it to this host 3 times (MPCapableSYNRX)."
    /// </summary>
    public string Verdict { get; }

    /// <summary>Possible problems, the most severe first; empty when none was found.</summary>
    public IReadOnlyList<MptcpFinding> Findings { get; }

    /// <summary>The facts on which the findings are based.</summary>
    public MptcpHostFacts Facts { get; }

    /// <summary>The verdict, the findings and the facts as a page of plain text.</summary>
    /// <returns>Several lines. They name addresses and interfaces of this host.</returns>
    public override string ToString() => ReportWriter.Write(this);

    /// <summary>The report on the same facts, with HTTP/3 advertised.</summary>
    internal MptcpHostReport WithHttp3() => new(Facts.WithHttp3());
}
