using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Paths;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The feature of one connection: logs once that it is TCP.</summary>
/// <remarks>There is one for each connection that waits for its next request: a field costs every one of them eight bytes.</remarks>
internal abstract class MptcpConnectionFeature : MptcpConnection, IMptcpFeature
{
    protected MptcpConnectionFeature(Socket socket, bool openedAsMptcp, ConnectionContext connection)
        : base(socket, openedAsMptcp) => Connection = connection;

    /// <summary>Who keeps the number of subflows, where the kernel's events are watched.</summary>
    public TrackedConnection? Tracked { get; set; }

    /// <summary>The subflows, as of the last event or of when <see cref="MptcpConnection.Status"/> was asked; null when not active or not known.</summary>
    public int? Subflows => Tracked is { } tracked && Status == MptcpStatus.Active ? tracked.Count : SubflowCount;

    public ConnectionContext Connection { get; }

    protected abstract ILogger Logger { get; }

    protected abstract LogLevel FallbackLogLevel { get; }

    IReadOnlyList<MptcpSubflow> IMptcpFeature.GetSubflows() => GetSubflows();

    protected override void OnSettled(MptcpStatus status)
    {
        var reason = status.Explain();
        Log.NotMptcp(Logger, FallbackLogLevel, Connection.ConnectionId, reason);
    }

    protected override void OnUnexpected(in MptcpReading reading)
    {
        var (errno, error) = (reading.Errno, reading.Error);
        Log.StatusUnknown(Logger, Connection.ConnectionId, errno, error);
    }
}
