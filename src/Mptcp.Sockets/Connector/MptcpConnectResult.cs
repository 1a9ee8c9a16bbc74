using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>A connected socket, and what happened on the way to it.</summary>
public sealed class MptcpConnectResult
{
    private readonly ClientSocket _client;

    internal MptcpConnectResult(ClientSocket client, IReadOnlyList<MptcpConnectAttempt> attempts)
    {
        _client = client;
        Attempts = attempts;
    }

    /// <summary>The connected socket. It is the caller's, to use and to dispose.</summary>
    public Socket Socket => _client.Socket;

    /// <summary>The live connection: which protocol it speaks, its figures, its subflows. Nothing is asked before it is read.</summary>
    public MptcpConnection Connection => _client.Connection;

    /// <summary>
    /// Why the socket is TCP where Multipath TCP was preferred, with the remedy; null when this host opened an MPTCP socket, or
    /// <see cref="MptcpConnectOptions.Mode"/> is <see cref="MptcpMode.Disabled"/>.
    /// </summary>
    public MptcpSupport? Unavailable => _client.Unavailable;

    /// <summary>All attempts, in the order in which they began.</summary>
    public IReadOnlyList<MptcpConnectAttempt> Attempts { get; }

    /// <summary><see cref="Connection"/> as the owner of the socket sees it.</summary>
    internal ClientConnection ClientConnection => _client.Connection;
}
