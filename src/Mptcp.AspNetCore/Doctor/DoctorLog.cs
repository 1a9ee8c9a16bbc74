using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>Log lines of the same category as those of the transport, with ids of their own.</summary>
internal static partial class DoctorLog
{
    [LoggerMessage(40, LogLevel.Warning, "{Route} is closed and answers 404: it tells addresses of this host or its clients, and the environment is {Environment}. Add RequireAuthorization() to {MappedBy}, or AllowAnonymous() to open it to everybody.", EventName = "DiagnosticEndpointClosed")]
    public static partial void Closed(ILogger logger, string route, string environment, string mappedBy);
}
