namespace Mptcp.Sockets;

/// <summary>What the kernel says of a connection: whether it speaks Multipath TCP, and if not, why.</summary>
/// <remarks>
/// The status tells which protocol the connection speaks, not whether it is still open: a connection that ended as
/// Multipath TCP stays <see cref="Active"/>. The only change there is goes from <see cref="Active"/> to
/// <see cref="FellBack"/> (RFC 8684 section 3.7); the other answers are final.
/// </remarks>
public enum MptcpStatus
{
    /// <summary>
    /// Not known: the socket is not connected or already closed, is not a stream socket over IP, the peer reset a dialled connection
    /// before the first byte, or the kernel refused to answer or gave an answer that none of the others covers. Never treat it as
    /// <see cref="Active"/>.
    /// </summary>
    Unknown = 0,

    /// <summary>Multipath TCP was negotiated and is in use. It can still fall back while it has had one subflow only.</summary>
    Active,

    /// <summary>
    /// Plain TCP on a socket that speaks Multipath TCP: the client did not offer it, or something on the way removed the
    /// offer. Only accepted connections have this status.
    /// </summary>
    NotNegotiated,

    /// <summary>
    /// Multipath TCP was asked for and the kernel went on as TCP. On a dialled connection this includes a server without
    /// Multipath TCP; on an accepted one something on the way removed the options after the handshake.
    /// </summary>
    FellBack,

    /// <summary>
    /// Plain TCP because this side never asked for anything else: the socket, or the listener that accepted it, was opened as
    /// TCP, since this host or its configuration can't or won't do Multipath TCP.
    /// </summary>
    Unavailable,
}
