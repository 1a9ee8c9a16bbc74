namespace Mptcp.Sockets;

/// <summary>Why the peer reset a subflow: the reason code of MP_TCPRST (RFC 8684 section 3.6).</summary>
public enum MptcpResetReason
{
    /// <summary>No reason given, or one that the RFC does not define.</summary>
    Unspecified = 0,

    /// <summary>An error in the peer's processing of MPTCP (<c>MPTCP_RST_EMPTCP</c>).</summary>
    MptcpSpecific = 1,

    /// <summary>The peer lacks resources for the subflow (<c>MPTCP_RST_ERESOURCE</c>).</summary>
    LackOfResources = 2,

    /// <summary>The peer's policy prohibits the subflow (<c>MPTCP_RST_EPROHIBIT</c>).</summary>
    Prohibited = 3,

    /// <summary>Too much data of the connection was outstanding (<c>MPTCP_RST_EWQ2BIG</c>).</summary>
    TooMuchOutstandingData = 4,

    /// <summary>The performance of the subflow was not acceptable (<c>MPTCP_RST_EBADPERF</c>).</summary>
    UnacceptablePerformance = 5,

    /// <summary>Something on the way interfered with the MPTCP options (<c>MPTCP_RST_EMIDDLEBOX</c>).</summary>
    MiddleboxInterference = 6,
}
