using System.Net;
using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The log messages. Event ids are unique over all categories.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Multipath TCP is on for {EndPoints}: clients that offer it are served over it.", EventName = "MptcpOn")]
    public static partial void MptcpOn(ILogger logger, string endPoints);

    [LoggerMessage(2, LogLevel.Warning, "Multipath TCP is off, everybody is served over TCP. {Reason} {Remedy}", EventName = "MptcpUnavailable")]
    public static partial void MptcpUnavailable(ILogger logger, string reason, string? remedy);

    [LoggerMessage(3, LogLevel.Information, "Multipath TCP is off: it is disabled by configuration for {Scope}.", EventName = "MptcpDisabled")]
    public static partial void MptcpDisabled(ILogger logger, string scope);

    [LoggerMessage(4, LogLevel.Debug, "Connection id \"{ConnectionId}\" could not be asked whether it speaks Multipath TCP: {Error} (errno {Errno}).", EventName = "StatusUnknown")]
    public static partial void StatusUnknown(ILogger logger, string connectionId, int errno, string? error);

    [LoggerMessage(EventId = 5, Message = "Connection id \"{ConnectionId}\" does not use Multipath TCP: {Reason}.", EventName = "NotMptcp")]
    public static partial void NotMptcp(ILogger logger, LogLevel level, string connectionId, string reason);

    [LoggerMessage(6, LogLevel.Debug, "Connection id \"{ConnectionId}\" was rejected: {Reason}, and this endpoint accepts nothing else.", EventName = "ConnectionRejected")]
    public static partial void ConnectionRejected(ILogger logger, string connectionId, string reason);

    [LoggerMessage(7, LogLevel.Error, "Connection id \"{ConnectionId}\" was dropped: its Multipath TCP feature could not be set up.", EventName = "ConnectionDropped")]
    public static partial void ConnectionDropped(ILogger logger, string connectionId, Exception exception);

    [LoggerMessage(8, LogLevel.Information, "This kernel refuses TCP_NODELAY on Multipath TCP sockets (Linux before 5.17): connections that speak Multipath TCP go without it.", EventName = "NoDelayRefused")]
    public static partial void NoDelayRefused(ILogger logger);

    [LoggerMessage(9, LogLevel.Information, "Path events are off, subflows are read on demand. {Reason} {Remedy}", EventName = "PathEventsUnavailable")]
    public static partial void PathEventsUnavailable(ILogger logger, string reason, string? remedy);

    [LoggerMessage(10, LogLevel.Error, "Path events ended, subflows are read on demand from here on.", EventName = "PathEventsFailed")]
    public static partial void PathEventsFailed(ILogger logger, Exception exception);

    [LoggerMessage(11, LogLevel.Warning, "Path events came faster than they were read and some were lost; the paths of {Count} connections are read anew.", EventName = "PathEventsLost")]
    public static partial void PathEventsLost(ILogger logger, int count);

    [LoggerMessage(12, LogLevel.Debug, "Connection id \"{ConnectionId}\": Path added {Local} → {Remote}, {Count} now.", EventName = "PathAdded")]
    public static partial void PathAdded(ILogger logger, string connectionId, IPEndPoint local, IPEndPoint remote, int count);

    [LoggerMessage(13, LogLevel.Information, "Connection id \"{ConnectionId}\": Path lost {Local} → {Remote}, {Count} left.", EventName = "PathLost")]
    public static partial void PathLost(ILogger logger, string connectionId, IPEndPoint local, IPEndPoint remote, int count);

    [LoggerMessage(14, LogLevel.Debug, "Connection id \"{ConnectionId}\": The peer made the path {Local} → {Remote} {Priority}.", EventName = "PathPriorityChanged")]
    public static partial void PathPriorityChanged(ILogger logger, string connectionId, IPEndPoint? local, IPEndPoint? remote, string priority);

    [LoggerMessage(15, LogLevel.Debug, "Connection id \"{ConnectionId}\": The peer announced its address {Remote} (id {AddressId}).", EventName = "AddressAnnounced")]
    public static partial void AddressAnnounced(ILogger logger, string connectionId, IPEndPoint? remote, int? addressId);

    [LoggerMessage(16, LogLevel.Debug, "Connection id \"{ConnectionId}\": The peer withdrew its address with id {AddressId}.", EventName = "AddressRemoved")]
    public static partial void AddressRemoved(ILogger logger, string connectionId, int? addressId);

    [LoggerMessage(23, LogLevel.Warning, "Connections to {EndPoint} can't be accepted and wait in the backlog; {Count} attempts failed. {Reason}", EventName = "AcceptFailing")]
    public static partial void AcceptFailing(ILogger logger, EndPoint endPoint, long count, string reason);

    [LoggerMessage(24, LogLevel.Information, "Connections to {EndPoint} are accepted again.", EventName = "AcceptRecovered")]
    public static partial void AcceptRecovered(ILogger logger, EndPoint endPoint);

    [LoggerMessage(25, LogLevel.Critical, "Nothing is accepted on {EndPoint} any more: its listening socket was closed or shut down by somebody else. Restart the application.", EventName = "ListenSocketLost")]
    public static partial void ListenSocketLost(ILogger logger, EndPoint endPoint, Exception exception);

    [LoggerMessage(26, LogLevel.Error, "A connection to {EndPoint} was dropped: it could not be set up.", EventName = "SocketDropped")]
    public static partial void SocketDropped(ILogger logger, EndPoint endPoint, Exception exception);

    [LoggerMessage(27, LogLevel.Error, "The endpoint keeps the settings that {Section} had before the configuration changed: there is a mistake in it. {Mistake}", EventName = "EndpointSettingsKept")]
    public static partial void EndpointSettingsKept(ILogger logger, string section, string mistake);

    [LoggerMessage(28, LogLevel.Warning, "Plain TCP is accepted on {EndPoints}, which demand Multipath TCP: it is disabled by configuration for all endpoints (Mptcp:Mode is Disabled). Enable it again, or restrict access to them.", EventName = "DemandsLifted")]
    public static partial void DemandsLifted(ILogger logger, string endPoints);
}
