using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>Throws at every line, as a log on a full disk does.</summary>
/// <param name="throwsWhenAsked">It throws when asked whether it wants a line, already.</param>
internal sealed class BrokenLog(bool throwsWhenAsked = false) : ILoggerProvider, ILogger
{
    private int _asked;

    /// <summary>How often it threw.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => !throwsWhenAsked || Fail();

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Fail();
    }

    public void Dispose()
    {
    }

    private bool Fail()
    {
        Interlocked.Increment(ref _asked);
        throw new IOException("No space left on device.");
    }
}
