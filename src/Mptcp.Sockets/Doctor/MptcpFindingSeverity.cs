namespace Mptcp.Sockets;

/// <summary>How much a finding matters.</summary>
public enum MptcpFindingSeverity
{
    /// <summary>Good to know. A host that is set up as it should be can have these.</summary>
    Information = 0,

    /// <summary>Some connections go without Multipath TCP or without further paths, or may come to.</summary>
    Warning,

    /// <summary>No connection can use Multipath TCP.</summary>
    Error,
}
