namespace Mptcp.Sockets;

/// <summary>Whether Multipath TCP is used: by an endpoint that listens, or by a client that connects.</summary>
public enum MptcpMode
{
    /// <summary>
    /// Multipath TCP, with TCP for peers that don't speak it; where the host can't do it, TCP with everybody, and the reason and the
    /// remedy are told.
    /// </summary>
    Preferred = 0,

    /// <summary>
    /// As <see cref="Preferred"/>, but where the host can't do it the server does not start and the client does not connect.
    /// </summary>
    Required,

    /// <summary>Plain TCP, as without this library.</summary>
    Disabled,
}
