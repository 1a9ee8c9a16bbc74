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
internal sealed class PathTracker : IHostedService, IDisposable
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
            // Descriptors or memory are exhausted. The host starts, and subflows are read on demand.
            Log.PathEventsUnavailable(
                _logger, $"The socket for path events can't be opened: {e.Message}.", "Raise the limit that is reached, and start the application again.");
            return Task.CompletedTask;
        }

        _isReading = true;
        _reading = ReadAsync(_monitor);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();

        // A stop that is out of time does not fail because of it.
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends the reading. A host that ends without having been stopped calls only this.</summary>
    public void Dispose() => _monitor?.Dispose();

    /// <summary>Begins to track a connection that was accepted.</summary>
    public void Watch(MptcpConnectionFeature feature, ConnectionContext connection)
    {
        if (_isReading && feature.TryGetInfo(out var info) && info.Token != 0)
        {
            Watch(feature, connection, info.Token);
        }
    }

    private void Watch(MptcpConnectionFeature feature, ConnectionContext connection, uint token)
    {
        // Known first and read afterwards: a path that joins in between is in the reading, in an event, or in both.
        var tracked = new TrackedConnection(feature, connection.ConnectionId);
        _connections[token] = tracked;
        Read(tracked);
        feature.Tracked = tracked;
        connection.ConnectionClosed.UnsafeRegister(
            _ => _connections.TryRemove(new KeyValuePair<uint, TrackedConnection>(token, tracked)), null);
        if (!_isReading)
        {
            // The events ended in the meantime, and this connection was not in the list by then.
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
        catch (Exception e)
        {
            Log.PathEventsFailed(_logger, e);
        }
        finally
        {
            // From here on the numbers are asked for again.
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
                tracked.SetBackup((local, remote), isAdded ? pathEvent.IsBackup : null);
                if (tracked.Set((local, remote), isAdded))
                {
                    LogPath(tracked, local, remote, isAdded, tracked.Count);
                }

                break;

            case MptcpPathEventKind.SubflowPriorityChanged:
                if (pathEvent is { LocalEndPoint: { } changedLocal, RemoteEndPoint: { } changedRemote })
                {
                    tracked.SetBackup((changedLocal, changedRemote), pathEvent.IsBackup);
                }

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
            Log.PathAdded(_logger, connection.ConnectionId, local, remote, count);
        }
        else
        {
            Log.PathLost(_logger, connection.ConnectionId, local, remote, count);
        }
    }
}
