using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Clients;

/// <summary>Logs the attempts of a client to connect.</summary>
internal sealed class ConnectLog
{
    private readonly BestEffortLogger _logger;
    private readonly string _client;
    private readonly Action<MptcpConnectAttempt>? _next;
    private bool _hasLoggedUnavailable;

    private ConnectLog(BestEffortLogger logger, string client, Action<MptcpConnectAttempt>? next)
    {
        _logger = logger;
        _client = client;
        _next = next;
    }

    /// <param name="options">The options of the client.</param>
    /// <param name="loggerFactory">Creates the logger.</param>
    /// <param name="client">Names the client, at the beginning of a sentence.</param>
    /// <returns>A copy of the options whose attempts are logged.</returns>
    public static MptcpConnectOptions AddTo(MptcpConnectOptions options, ILoggerFactory loggerFactory, string client)
    {
        var log = new ConnectLog(new BestEffortLogger(loggerFactory, LogCategory.Clients), client, options.AttemptCompleted);
        return new MptcpConnectOptions(options) { AttemptCompleted = log.OnCompleted };
    }

    /// <param name="name">The name of a client of IHttpClientFactory.</param>
    /// <returns>How messages name it.</returns>
    public static string HttpClient(string? name) => string.IsNullOrEmpty(name) ? "The default HttpClient" : $"HttpClient \"{name}\"";

    private void OnCompleted(MptcpConnectAttempt attempt)
    {
        if (attempt.Unavailable is { } support && !Interlocked.Exchange(ref _hasLoggedUnavailable, true))
        {
            ClientLog.ClientUnavailable(_logger, support.Explanation, support.Remedy);
        }

        // To name the protocol takes a system call.
        if (_logger.IsEnabled(LogLevel.Debug))
        {
            Log(attempt);
        }

        _next?.Invoke(attempt);
    }

    private void Log(MptcpConnectAttempt attempt)
    {
        var (endPoint, milliseconds) = (attempt.EndPoint, (long)attempt.Duration.TotalMilliseconds);
        switch (attempt.Outcome)
        {
            case MptcpConnectOutcome.Connected:
                ClientLog.Connected(_logger, _client, endPoint, Protocol(attempt.Connection!.Status), milliseconds);
                break;

            case MptcpConnectOutcome.Failed:
                ClientLog.ConnectFailed(_logger, _client, endPoint, milliseconds, attempt.Error!.Message);
                break;

            default:
                ClientLog.ConnectAbandoned(_logger, _client, endPoint, milliseconds);
                break;
        }
    }

    private static string Protocol(MptcpStatus status) => status switch
    {
        MptcpStatus.Active => "Multipath TCP",
        MptcpStatus.FellBack => "TCP, as a fallback,",
        MptcpStatus.Unknown => "an unknown protocol",
        _ => "TCP",
    };
}
