using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Paths;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The feature of one connection: logs once that it is TCP.</summary>
internal sealed class MptcpConnectionFeature : MptcpConnection, IMptcpFeature
{
    private readonly ConnectionContext _connection;
    private readonly ILogger _logger;
    private readonly LogLevel _fallbackLogLevel;

    public MptcpConnectionFeature(
        Socket socket, bool openedAsMptcp, ConnectionContext connection, ILogger logger, LogLevel fallbackLogLevel)
        : base(socket, openedAsMptcp)
    {
        _connection = connection;
        _logger = logger;
        _fallbackLogLevel = fallbackLogLevel;
    }

    /// <summary>Where the connection is listed; null for one that was dialled.</summary>
    public ConnectionEntry? Entry { get; set; }

    /// <summary>Who keeps the number of subflows, where the kernel's events are watched.</summary>
    public TrackedConnection? Tracked { get; set; }

    /// <summary>The subflows, as of the last event or of when <see cref="MptcpConnection.Status"/> was asked; null when not active or not known.</summary>
    public int? Subflows => Tracked is { } tracked && Status == MptcpStatus.Active ? tracked.Count : SubflowCount;

    IReadOnlyList<MptcpSubflow> IMptcpFeature.GetSubflows() => GetSubflows();

    protected override void OnSettled(MptcpStatus status)
    {
        if (status == MptcpStatus.FellBack)
        {
            Entry?.FellBack();
        }

        var reason = status.Explain();
        Log.NotMptcp(_logger, _fallbackLogLevel, _connection.ConnectionId, reason);
    }

    protected override void OnUnexpected(in MptcpReading reading)
    {
        var (errno, error) = (reading.Errno, reading.Error);
        Log.StatusUnknown(_logger, _connection.ConnectionId, errno, error);
    }
}
