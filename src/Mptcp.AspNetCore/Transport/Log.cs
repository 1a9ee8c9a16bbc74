using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The log lines of the category <c>Mptcp.AspNetCore</c>.</summary>
internal static partial class Log
{
    public const string Category = "Mptcp.AspNetCore";

    [LoggerMessage(1, LogLevel.Information, "Multipath TCP is on: clients that offer it are served over it.", EventName = "MptcpOn")]
    public static partial void MptcpOn(ILogger logger);

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
}
