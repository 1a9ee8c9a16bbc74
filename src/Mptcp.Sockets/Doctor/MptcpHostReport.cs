using Mptcp.Sockets.Doctor;

namespace Mptcp.Sockets;

/// <summary>What <see cref="MptcpHost.ExamineAsync"/> found.</summary>
public sealed class MptcpHostReport
{
    internal MptcpHostReport(MptcpHostFacts facts)
    {
        Facts = facts;
        Findings = Rules.Apply(facts);
    }

    /// <summary>What may be wrong, the worst first; empty on a host where nothing was found.</summary>
    public IReadOnlyList<MptcpFinding> Findings { get; }

    /// <summary>What the findings were drawn from.</summary>
    public MptcpHostFacts Facts { get; }

    /// <summary>The findings and the facts as a page of plain text.</summary>
    /// <returns>Several lines. They name addresses and interfaces of this host.</returns>
    public override string ToString() => ReportWriter.Write(this);
}
