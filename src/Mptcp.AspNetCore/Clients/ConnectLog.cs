using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Clients;

/// <summary>Logs the attempts of a client to connect.</summary>
internal sealed class ConnectLog
{
    private readonly ILogger _logger;
    private readonly Action<MptcpConnectAttempt>? _next;
    private int _saidUnavailable;

    private ConnectLog(ILogger logger, Action<MptcpConnectAttempt>? next)
    {
        _logger = logger;
        _next = next;
    }

    /// <returns>A copy of the options whose attempts are logged.</returns>
    public static MptcpConnectOptions AddTo(MptcpConnectOptions options, ILoggerFactory loggerFactory)
    {
        var log = new ConnectLog(loggerFactory.CreateLogger(LogCategory.Clients), options.AttemptCompleted);
        return new MptcpConnectOptions(options) { AttemptCompleted = log.OnCompleted };
    }

    private void OnCompleted(MptcpConnectAttempt attempt)
    {
        if (attempt.Unavailable is { } support && Interlocked.Exchange(ref _saidUnavailable, 1) == 0)
        {
            Log.ClientUnavailable(_logger, support.Explanation, support.Remedy);
        }

        var (endPoint, milliseconds) = (attempt.EndPoint, (long)attempt.Duration.TotalMilliseconds);
        switch (attempt.Outcome)
        {
            case MptcpConnectOutcome.Connected:
                Log.Connected(_logger, endPoint, milliseconds);
                break;

            case MptcpConnectOutcome.Failed:
                Log.ConnectFailed(_logger, endPoint, milliseconds, attempt.Error!.Message);
                break;

            default:
                Log.ConnectAbandoned(_logger, endPoint, milliseconds);
                break;
        }

        _next?.Invoke(attempt);
    }
}
