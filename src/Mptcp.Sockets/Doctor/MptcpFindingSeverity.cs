namespace Mptcp.Sockets;

/// <summary>The severity of a finding.</summary>
public enum MptcpFindingSeverity
{
    /// <summary>Useful to know. A correctly configured host can have these.</summary>
    Information = 0,

    /// <summary>Some connections have no Multipath TCP or no further paths, or may lose them.</summary>
    Warning,

    /// <summary>No connection can use Multipath TCP.</summary>
    Error,
}
