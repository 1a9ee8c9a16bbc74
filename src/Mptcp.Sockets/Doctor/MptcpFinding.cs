namespace Mptcp.Sockets;

/// <summary>A condition of this host that keeps connections from using Multipath TCP, or can.</summary>
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

    /// <summary>The name, such as <c>mptcp-off</c>. It stays the same from version to version.</summary>
    public string Id { get; }

    /// <summary>The severity.</summary>
    public MptcpFindingSeverity Severity { get; }

    /// <summary>The observation, in a sentence or two.</summary>
    public string Seen { get; }

    /// <summary>The consequence or the likely cause, in a sentence or two.</summary>
    public string Why { get; }

    /// <summary>The command or the step that fixes it.</summary>
    public string Remedy { get; }

    /// <summary>The observation and the remedy.</summary>
    /// <returns>One line.</returns>
    public override string ToString() => $"{Severity}: {Id}: {Seen} {Remedy}";
}
