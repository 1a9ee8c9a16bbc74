using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

internal sealed record LogLine(string Category, LogLevel Level, EventId Event, string Message, Exception? Exception);

/// <summary>Keeps what is logged.</summary>
internal sealed class LogRecorder : ILoggerProvider
{
    private readonly ConcurrentQueue<LogLine> _lines = new();

    /// <summary>The lines of our own categories.</summary>
    public IReadOnlyList<LogLine> Ours => [.. _lines.Where(line => line.Category.StartsWith("Mptcp.AspNetCore.", StringComparison.Ordinal))];

    public IReadOnlyList<LogLine> All => [.. _lines];

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(LogRecorder recorder, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            recorder._lines.Enqueue(new LogLine(category, logLevel, eventId, formatter(state, exception), exception));
    }
}
