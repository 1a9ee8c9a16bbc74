using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>Log messages of the diagnostic endpoints.</summary>
internal static partial class DoctorLog
{
    [LoggerMessage(40, LogLevel.Warning, "{Route} is closed and answers 404: {Reason}. It shows addresses of this host or its clients. Add RequireAuthorization() to {MappedBy}, or AllowAnonymous() to open it to every client.", EventName = "DiagnosticEndpointClosed")]
    public static partial void Closed(ILogger logger, string route, string reason, string mappedBy);

    [LoggerMessage(41, LogLevel.Error, "{Route} answers 500: the examination failed.", EventName = "DiagnosticEndpointFailed")]
    public static partial void Failed(ILogger logger, string route, Exception exception);
}
