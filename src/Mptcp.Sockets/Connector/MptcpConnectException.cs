using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>No connection was made. The message names each address that was tried, and what it answered.</summary>
/// <remarks>Its <see cref="SocketException.SocketErrorCode"/> is that of the last attempt, or of the resolver.</remarks>
public sealed class MptcpConnectException : SocketException
{
    internal MptcpConnectException(SocketError error, string message, IReadOnlyList<MptcpConnectAttempt> attempts)
        : base((int)error, message)
    {
        Attempts = attempts;
    }

    /// <summary>All attempts, in the order in which they began; none when the name was not resolved.</summary>
    public IReadOnlyList<MptcpConnectAttempt> Attempts { get; }
}
