namespace Mptcp.Sockets;

/// <summary>What happened to the paths of a connection (<c>enum mptcp_event_type</c> of <c>linux/mptcp.h</c>, Linux 5.12).</summary>
public enum MptcpPathEventKind
{
    /// <summary>
    /// Not from the kernel's list: events before this one were lost, since they came faster than they were read. Read anew the
    /// state of every connection of interest (<see cref="MptcpSocket.TryGetInfo"/>); what follows may already be contained in it.
    /// </summary>
    EventsLost = 0,

    /// <summary>A connection was created by a handshake that negotiated MPTCP. It has its addresses, and no further subflows yet.</summary>
    ConnectionCreated,

    /// <summary>A connection was confirmed by the peer: from now on it can have further subflows.</summary>
    ConnectionEstablished,

    /// <summary>
    /// A connection ended, with all the subflows that it still had: no <see cref="SubflowClosed"/> is told for them. Only the token
    /// is told.
    /// </summary>
    ConnectionClosed,

    /// <summary>The peer announced a further address of its own (ADD_ADDR, RFC 8684 section 3.4.1).</summary>
    AddressAnnounced,

    /// <summary>The peer withdrew an address (REMOVE_ADDR, RFC 8684 section 3.4.2). Only token and remote address id are told.</summary>
    AddressRemoved,

    /// <summary>A further subflow was established (MP_JOIN). The initial subflow is not told: it comes with the connection.</summary>
    SubflowEstablished,

    /// <summary>A subflow, initial or further, was closed while its connection goes on.</summary>
    SubflowClosed,

    /// <summary>The peer made a subflow a backup, or a normal one again (MP_PRIO, RFC 8684 section 3.3.8).</summary>
    SubflowPriorityChanged,
}
