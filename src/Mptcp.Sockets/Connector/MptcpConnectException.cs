using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>The connect failed. The message names the host, the errors and how many addresses reported each; it has at most some 1,100 characters.</summary>
/// <remarks>
/// <para>Its <see cref="SocketException.SocketErrorCode"/> is that of the last attempt, or of the resolver.</para>
/// <para>
/// The message names no address to which the host's name was resolved: it can reach users who are not to learn them. They are in
/// <see cref="Attempts"/>. Control characters of the host's name are escaped (<c>\u001B</c>).
/// </para>
/// </remarks>
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
