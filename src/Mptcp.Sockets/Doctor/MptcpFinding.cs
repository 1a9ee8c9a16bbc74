namespace Mptcp.Sockets;

/// <summary>Something about this host that keeps connections from using Multipath TCP, or may.</summary>
public sealed class MptcpFinding
{
    internal MptcpFinding(string id, MptcpFindingSeverity severity, string seen, string why, string remedy)
    {
        Id = id;
        Severity = severity;
        Seen = seen;
        Why = why;
        Remedy = remedy;
    }

    /// <summary>Its name, such as <c>mptcp-off</c>; it stays the same from version to version.</summary>
    public string Id { get; }

    /// <summary>How much it matters.</summary>
    public MptcpFindingSeverity Severity { get; }

    /// <summary>What was seen, in a sentence or two.</summary>
    public string Seen { get; }

    /// <summary>Why it matters, in a sentence or two.</summary>
    public string Why { get; }

    /// <summary>The command or the step that mends it.</summary>
    public string Remedy { get; }

    /// <summary>What was seen and what mends it.</summary>
    /// <returns>One line.</returns>
    public override string ToString() => $"{Severity}: {Id}: {Seen} {Remedy}";
}
