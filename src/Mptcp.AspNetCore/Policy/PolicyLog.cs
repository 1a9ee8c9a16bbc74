using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Policy;

/// <summary>The log messages about requirements.</summary>
internal static partial class PolicyLog
{
    [LoggerMessage(21, LogLevel.Debug, "Connection id \"{ConnectionId}\", Request id \"{TraceIdentifier}\": rejected by the policy \"{Policy}\". {Reason}", EventName = "RequestRejected")]
    public static partial void RequestRejected(ILogger logger, string connectionId, string traceIdentifier, string policy, string reason);

    [LoggerMessage(22, LogLevel.Information, "Connection id \"{ConnectionId}\", Request id \"{TraceIdentifier}\": the policy \"{Policy}\" only monitors and would have rejected the request. {Reason}", EventName = "RequestWouldBeRejected")]
    public static partial void RequestWouldBeRejected(ILogger logger, string connectionId, string traceIdentifier, string policy, string reason);

    [LoggerMessage(50, LogLevel.Warning, "These endpoints require Multipath TCP and reject every request: {Endpoints}. {Reason}", EventName = "EndpointsRejectEveryRequest")]
    public static partial void EndpointsRejectEveryRequest(ILogger logger, string endpoints, string reason);
}
