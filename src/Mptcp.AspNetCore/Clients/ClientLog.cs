using System.Net;
using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Clients;

/// <summary>The log messages of clients. Event ids are unique over all categories.</summary>
internal static partial class ClientLog
{
    [LoggerMessage(17, LogLevel.Debug, "{Client} connected to {EndPoint} over {Protocol} in {Milliseconds} ms.", EventName = "Connected", SkipEnabledCheck = true)]
    public static partial void Connected(ILogger logger, string client, IPEndPoint endPoint, string protocol, long milliseconds);

    [LoggerMessage(18, LogLevel.Debug, "{Client} could not connect to {EndPoint}, after {Milliseconds} ms: {Reason}", EventName = "ConnectFailed")]
    public static partial void ConnectFailed(ILogger logger, string client, IPEndPoint endPoint, long milliseconds, string reason);

    [LoggerMessage(19, LogLevel.Debug, "The attempt of {Client} to connect to {EndPoint} was given up after {Milliseconds} ms.", EventName = "ConnectAbandoned")]
    public static partial void ConnectAbandoned(ILogger logger, string client, IPEndPoint endPoint, long milliseconds);

    [LoggerMessage(20, LogLevel.Warning, "Clients connect over TCP. {Reason} {Remedy}", EventName = "ClientUnavailable")]
    public static partial void ClientUnavailable(ILogger logger, string reason, string? remedy);

    [LoggerMessage(60, LogLevel.Debug, "{Client} does not connect over Multipath TCP by default: {Reason}.", EventName = "ClientLeftAlone")]
    public static partial void ClientLeftAlone(ILogger logger, string client, string reason);
}
