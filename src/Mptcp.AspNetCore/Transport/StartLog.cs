using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Policy;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Logs the state of the listeners: all of them in one line when the host has started, because Kestrel binds them one by one, and after that
/// each one that Kestrel binds again.
/// </summary>
internal sealed class StartLog : IHostedLifecycleService
{
    private readonly BoundListeners _bound;
    private readonly ILogger _logger;
    private readonly ILogger _policyLogger;
    private readonly Requirements _requirements;
    private readonly bool _isDisabled;
    private volatile bool _isStarted;

    public StartLog(BoundListeners bound, Requirements requirements, IOptions<MptcpTransportOptions> options, ILoggerFactory loggerFactory)
    {
        _bound = bound;
        _requirements = requirements;
        _policyLogger = new BestEffortLogger(loggerFactory, LogCategory.Policy);
        _isDisabled = options.Value.Mode == MptcpMode.Disabled;
        _logger = new BestEffortLogger(loggerFactory, LogCategory.Transport);
    }

    public void Bound(BoundListener listener)
    {
        if (_isStarted)
        {
            Write([listener]);
        }
    }

    /// <summary>After Kestrel, which is a hosted service too, and before the host reports that the application has started.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _isStarted = true;
        Write(_bound.All);

        // The case that only the listeners show: all endpoints of Kestrel are TCP for reasons of their own.
        if (!_isDisabled && _bound.WasBound && _bound.All.All(listener => !listener.Facts.IsMptcp) && _requirements.Enforced is { Count: > 0 } endpoints)
        {
            PolicyLog.EndpointsRejectEveryRequest(_policyLogger, string.Join(", ", endpoints), "No endpoint of Kestrel listens for Multipath TCP.");
        }

        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Write(IReadOnlyCollection<BoundListener> listeners)
    {
        if (Name(listeners.Where(listener => listener.Facts.IsMptcp && listener.Facts.Mode != MptcpMode.Disabled)) is { Length: > 0 } on)
        {
            Log.MptcpOn(_logger, on);
        }

        if (Name(listeners.Where(listener => listener.Facts.Mode == MptcpMode.Disabled)) is { Length: > 0 } off)
        {
            Log.MptcpDisabled(_logger, _isDisabled ? "all endpoints" : off);
        }

        if (Name(listeners.Where(listener => listener.IsLifted)) is { Length: > 0 } lifted)
        {
            Log.DemandsLifted(_logger, lifted);
        }
    }

    private static string Name(IEnumerable<BoundListener> listeners) => string.Join<EndPoint>(", ", listeners.Select(listener => listener.Facts.EndPoint));
}
