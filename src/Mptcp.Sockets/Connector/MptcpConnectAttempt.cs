using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>One attempt to connect to one address.</summary>
public sealed class MptcpConnectAttempt
{
    internal MptcpConnectAttempt(IPEndPoint endPoint, MptcpConnectOutcome outcome, TimeSpan duration, MptcpSupport? unavailable, Exception? error, MptcpConnection? connection)
    {
        EndPoint = endPoint;
        Outcome = outcome;
        Duration = duration;
        Unavailable = unavailable;
        Error = error;
        Connection = connection;
    }

    /// <summary>The address.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>How it ended.</summary>
    public MptcpConnectOutcome Outcome { get; }

    /// <summary>How long it took.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Why it was made over TCP where Multipath TCP was preferred; otherwise null.</summary>
    public MptcpSupport? Unavailable { get; }

    /// <summary>Why it failed: a <see cref="SocketException"/>, or a <see cref="PlatformNotSupportedException"/>; otherwise null.</summary>
    public Exception? Error { get; }

    /// <summary>
    /// The live connection when the outcome is <see cref="MptcpConnectOutcome.Connected"/>; otherwise null. It is asked when it is read: its
    /// <see cref="MptcpConnection.Status"/> says which protocol the peer accepted.
    /// </summary>
    public MptcpConnection? Connection { get; }

    /// <summary>The address and how it ended.</summary>
    /// <returns>Such as <c>192.0.2.1:443: Connection refused</c>.</returns>
    public override string ToString() => $"{EndPoint}: {Error?.Message ?? Outcome.ToString()}";
}
