using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>Sets the feature on each connection, and turns away those that are TCP where none is wanted.</summary>
internal sealed class MptcpConnectionListener : IConnectionListener
{
    private readonly IConnectionListener _inner;
    private readonly bool _reject;
    private readonly ConnectionServices _services;
    private readonly ILogger _logger;

    public MptcpConnectionListener(IConnectionListener inner, bool reject, ConnectionServices services)
    {
        _inner = inner;
        _reject = reject;
        _services = services;
        _logger = services.Logger;
    }

    public EndPoint EndPoint => _inner.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _inner.AcceptAsync(cancellationToken).ConfigureAwait(false) is { } connection)
        {
            if (Admit(connection) is { } admitted)
            {
                return admitted;
            }

            _ = CloseAsync(connection);
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => _inner.UnbindAsync(cancellationToken);

    public ValueTask DisposeAsync() => _inner.DisposeAsync();

    /// <returns>The connection, as Kestrel shall see it; null when it is not to be served.</returns>
    private ConnectionContext? Admit(ConnectionContext connection)
    {
        try
        {
            // On a unix socket there is nothing to know, and the kernel's answers there look like a fallback.
            if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket
                || socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
            {
                return connection;
            }

            var feature = new MptcpConnectionFeature(socket, connection, _logger, _services.FallbackLogLevel);
            connection.Features.Set<IMptcpFeature>(feature);
            var metrics = _services.Metrics;
            if (metrics.WantsConnections)
            {
                metrics.Accepted(feature.Status);
            }

            if (_reject && feature.Status is not MptcpStatus.Active and var status)
            {
                metrics.Rejected(status, ServerMetrics.Connection);
                Log.ConnectionRejected(_logger, connection.ConnectionId, status.Explain());
                return null;
            }

            if (_logger.IsEnabled(_services.FallbackLogLevel))
            {
                // The feature writes the line when it learns that the connection is TCP, now or on a later read.
                _ = feature.Status;
            }

            List(connection, feature);
            _services.Paths?.Watch(feature, connection);
            return _services.KestrelDuration.IsListenedTo ? new TaggedConnection(connection, feature) : connection;
        }
        catch (Exception e)
        {
            // Whatever it is, it must not reach Kestrel: an exception from AcceptAsync ends the endpoint for good.
            _services.Metrics.AcceptFailed(e);
            Log.ConnectionDropped(_logger, connection.ConnectionId, e);
            return null;
        }
    }

    private void List(ConnectionContext connection, MptcpConnectionFeature feature)
    {
        var listed = new MptcpServerConnection(connection, feature, _services.Time.GetUtcNow());
        var entry = new ConnectionEntry(listed, feature, _services.Connections, _services.Metrics);
        feature.Entry = entry;
        _services.Connections.Add(entry);
        if (_services.Metrics.WantsConnections)
        {
            entry.CountAs(feature.Status);
        }

        // At once, when it is closed by now.
        connection.ConnectionClosed.UnsafeRegister(static entry => ((ConnectionEntry)entry!).Close(), entry);
    }

    private async Task CloseAsync(ConnectionContext connection)
    {
        try
        {
            connection.Abort(new ConnectionAbortedException("The connection does not use Multipath TCP."));
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.ConnectionDropped(_logger, connection.ConnectionId, e);
        }
    }
}
