using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Logs the state of the listeners: all of them in one line when the host has started, because Kestrel binds them one by one, and after that
/// each one that Kestrel binds again.
/// </summary>
internal sealed class StartLog
{
    private readonly BoundListeners _bound;
    private readonly EndpointResolver _resolver;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger _logger;

    public StartLog(BoundListeners bound, EndpointResolver resolver, IHostApplicationLifetime lifetime, ConnectionServices services)
    {
        _bound = bound;
        _resolver = resolver;
        _lifetime = lifetime;
        _logger = services.Logger;
        lifetime.ApplicationStarted.Register(() => Write(_bound.All));
    }

    public void Bound(BoundListener listener)
    {
        if (_lifetime.ApplicationStarted.IsCancellationRequested)
        {
            Write([listener]);
        }
    }

    private void Write(IReadOnlyCollection<BoundListener> listeners)
    {
        if (Name(listeners.Where(listener => listener.Facts.IsMptcp && listener.Facts.Mode != MptcpMode.Disabled)) is { Length: > 0 } on)
        {
            Log.MptcpOn(_logger, on);
        }

        if (Name(listeners.Where(listener => listener.Facts.Mode == MptcpMode.Disabled)) is { Length: > 0 } off)
        {
            Log.MptcpDisabled(_logger, _resolver.IsDisabled ? "all endpoints" : off);
        }

        if (Name(listeners.Where(listener => listener.IsLifted)) is { Length: > 0 } lifted)
        {
            Log.DemandsLifted(_logger, lifted);
        }
    }

    private static string Name(IEnumerable<BoundListener> listeners) => string.Join<EndPoint>(", ", listeners.Select(listener => listener.Facts.EndPoint));
}
