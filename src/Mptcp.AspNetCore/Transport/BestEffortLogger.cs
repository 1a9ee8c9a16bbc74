using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// The log of what happens to connections. Whoever writes it is the application's and can throw, a full disk is enough, and neither a
/// connection nor the loop that accepts them may end by that.
/// </summary>
internal sealed class BestEffortLogger : ILogger
{
    private readonly ILogger _logger;

    public BestEffortLogger(ILoggerFactory loggerFactory, string category) => _logger = loggerFactory.CreateLogger(category);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => _logger.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return _logger.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            // As below.
            return false;
        }
    }

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            _logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // It was the log that failed: there is nobody left to tell.
        }
    }
}
