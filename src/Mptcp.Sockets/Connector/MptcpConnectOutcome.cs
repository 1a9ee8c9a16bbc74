namespace Mptcp.Sockets;

/// <summary>How an attempt to connect to an address ended.</summary>
public enum MptcpConnectOutcome
{
    /// <summary>Connected; its socket is the one returned.</summary>
    Connected = 0,

    /// <summary>Failed, for the reason in <see cref="MptcpConnectAttempt.Error"/>.</summary>
    Failed,

    /// <summary>Given up: another address was faster, the time was over, or the caller cancelled. Its socket is closed.</summary>
    Abandoned,
}
