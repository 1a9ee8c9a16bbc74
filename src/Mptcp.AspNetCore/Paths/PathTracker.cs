using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Paths;

/// <summary>
/// Ties the kernel's path events to Kestrel's connections by their token: logs them with the connection id, and keeps the number of
/// subflows right without asking. The events are of the whole network namespace; those of others are passed over.
/// </summary>
internal sealed class PathTracker : IHostedService
{
    private readonly OpenPathMonitor _open;
    private readonly ILogger _logger;
    private readonly OncePerMinute _warning;
    private readonly ConcurrentDictionary<uint, TrackedConnection> _connections = new();
    private MptcpPathMonitor? _monitor;
    private Task _reading = Task.CompletedTask;
    private volatile bool _isReading;

    public PathTracker(OpenPathMonitor open, ILoggerFactory loggerFactory, TimeProvider? time = null)
    {
        _open = open;
        _logger = new BestEffortLogger(loggerFactory, LogCategory.Paths);
        _warning = new OncePerMinute(time ?? TimeProvider.System);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            _monitor = _open(out var support);
            if (_monitor is null)
            {
                Log.PathEventsUnavailable(_logger, support.Explanation, support.Remedy);
                return Task.CompletedTask;
            }
        }
        catch (SocketException e)
        {
            // Path events are never a reason not to start: where nothing can be opened at all, the endpoints report it.
            Log.PathEventsUnavailable(
                _logger, $"The socket for path events can't be opened: {e.Message}.", "Raise the limit that is reached, and start the application again.");
            return Task.CompletedTask;
        }

        _isReading = true;
        _reading = ReadAsync(_monitor);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // Ends the reading.
        _monitor?.Dispose();
        return _reading.WaitAsync(cancellationToken);
    }

    /// <summary>Begins to track a connection that was accepted.</summary>
    public void Watch(MptcpConnectionFeature feature, ConnectionContext connection)
    {
        if (!_isReading || !feature.TryGetInfo(out var info) || info.Token == 0)
        {
            return;
        }

        // Known first and read afterwards: a path that joins in between is in the reading, in an event, or in both.
        var tracked = new TrackedConnection(feature, connection.ConnectionId);
        _connections[info.Token] = tracked;
        Read(tracked);
        feature.Tracked = tracked;
        connection.ConnectionClosed.UnsafeRegister(
            _ => _connections.TryRemove(new KeyValuePair<uint, TrackedConnection>(info.Token, tracked)), null);
        if (!_isReading)
        {
            // The events ended meanwhile, and those who were tracked by then have been told.
            tracked.Forget();
        }
    }

    private async Task ReadAsync(MptcpPathMonitor monitor)
    {
        try
        {
            // The kernel's messages wait in a buffer of their own; the start of the host does not wait for them.
            await Task.Yield();
            await foreach (var pathEvent in monitor.ReadAllAsync().ConfigureAwait(false))
            {
                Handle(pathEvent);
            }
        }
        catch (SocketException e)
        {
            Log.PathEventsFailed(_logger, e);
        }
        finally
        {
            // From here on nobody keeps the numbers right, and they are asked for again.
            _isReading = false;
            foreach (var connection in _connections.Values)
            {
                connection.Forget();
            }

            _connections.Clear();
        }
    }

    internal void Handle(MptcpPathEvent pathEvent)
    {
        if (pathEvent.Kind == MptcpPathEventKind.EventsLost)
        {
            // How often is up to the peers, who open and close paths.
            if (_warning.IsDue())
            {
                Log.PathEventsLost(_logger, _connections.Count);
            }

            foreach (var connection in _connections.Values)
            {
                Read(connection);
            }

            return;
        }

        if (pathEvent.Token is not { } token || !_connections.TryGetValue(token, out var tracked))
        {
            return;
        }

        switch (pathEvent.Kind)
        {
            case MptcpPathEventKind.ConnectionClosed:
                _connections.TryRemove(token, out _);
                break;

            case MptcpPathEventKind.SubflowEstablished or MptcpPathEventKind.SubflowClosed
                when pathEvent is { LocalEndPoint: { } local, RemoteEndPoint: { } remote }:
                var isAdded = pathEvent.Kind == MptcpPathEventKind.SubflowEstablished;
                if (tracked.Set((local, remote), isAdded))
                {
                    LogPath(tracked, local, remote, isAdded, tracked.Count);
                }

                break;

            case MptcpPathEventKind.SubflowPriorityChanged:
                Log.PathPriorityChanged(
                    _logger, tracked.ConnectionId, pathEvent.LocalEndPoint, pathEvent.RemoteEndPoint, pathEvent.IsBackup == true ? "a backup" : "a normal one");
                break;

            case MptcpPathEventKind.AddressAnnounced:
                Log.AddressAnnounced(_logger, tracked.ConnectionId, pathEvent.RemoteEndPoint, pathEvent.RemoteAddressId);
                break;

            case MptcpPathEventKind.AddressRemoved:
                Log.AddressRemoved(_logger, tracked.ConnectionId, pathEvent.RemoteAddressId);
                break;
        }
    }

    private void Read(TrackedConnection connection)
    {
        foreach (var (local, remote, isAdded, count) in connection.Read())
        {
            LogPath(connection, local, remote, isAdded, count);
        }
    }

    private void LogPath(TrackedConnection connection, IPEndPoint local, IPEndPoint remote, bool isAdded, int count)
    {
        if (isAdded)
        {
            Log.PathAdded(_logger, connection.ConnectionId, remote, local, count);
        }
        else
        {
            Log.PathLost(_logger, connection.ConnectionId, remote, local, count);
        }
    }
}
