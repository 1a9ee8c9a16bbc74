using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Paths;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>Sets the feature on each connection, and turns away those that are TCP where none is wanted.</summary>
internal sealed class MptcpConnectionListener : IConnectionListener
{
    private readonly IConnectionListener _inner;
    private readonly bool _reject;
    private readonly LogLevel _fallbackLogLevel;
    private readonly PathTracker? _paths;
    private readonly ILogger _logger;

    public MptcpConnectionListener(
        IConnectionListener inner, bool reject, LogLevel fallbackLogLevel, PathTracker? paths, ILogger logger)
    {
        _paths = paths;
        _inner = inner;
        _reject = reject;
        _fallbackLogLevel = fallbackLogLevel;
        _logger = logger;
    }

    public EndPoint EndPoint => _inner.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _inner.AcceptAsync(cancellationToken).ConfigureAwait(false) is { } connection)
        {
            if (Admit(connection))
            {
                return connection;
            }

            _ = CloseAsync(connection);
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => _inner.UnbindAsync(cancellationToken);

    public ValueTask DisposeAsync() => _inner.DisposeAsync();

    private bool Admit(ConnectionContext connection)
    {
        try
        {
            // On a unix socket there is nothing to know, and the kernel's answers there look like a fallback.
            if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket
                || socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
            {
                return true;
            }

            var feature = new MptcpConnectionFeature(socket, connection, _logger, _fallbackLogLevel);
            connection.Features.Set<IMptcpFeature>(feature);

            if (_reject && feature.Status is not MptcpStatus.Active and var status)
            {
                Log.ConnectionRejected(_logger, connection.ConnectionId, status.Explain());
                return false;
            }

            if (_logger.IsEnabled(_fallbackLogLevel))
            {
                // The feature writes the line when it learns that the connection is TCP, now or on a later read.
                _ = feature.Status;
            }

            _paths?.Watch(feature, connection);
            return true;
        }
        catch (Exception e)
        {
            // Whatever it is, it must not reach Kestrel: an exception from AcceptAsync ends the endpoint for good.
            Log.ConnectionDropped(_logger, connection.ConnectionId, e);
            return false;
        }
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
