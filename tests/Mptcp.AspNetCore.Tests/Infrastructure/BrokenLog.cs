using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>Throws at every line, as a log on a full disk does.</summary>
internal sealed class BrokenLog : ILoggerProvider, ILogger
{
    private int _asked;

    /// <summary>How many lines there would be.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Interlocked.Increment(ref _asked);
        throw new IOException("No space left on device.");
    }

    public void Dispose()
    {
    }
}
