using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Accepts from one listening socket, gives each connection the feature, and turns away those that are TCP where none is wanted.
/// What a connection is made of is Kestrel's.
/// </summary>
internal sealed class MptcpConnectionListener : IConnectionListener
{
    private readonly AcceptLoop _accept;
    private readonly SocketConnectionContextFactory _connections;
    private readonly LinkScope _scope;
    private readonly bool _isMptcp;
    private readonly bool _noDelay;
    private readonly bool _reject;
    private readonly ConnectionServices _services;
    private readonly BoundListener? _bound;
    private readonly ILogger _logger;

    /// <param name="listen">The socket that listens. It is the listener's from here on.</param>
    /// <param name="connections">Makes Kestrel's connections. It is the listener's too.</param>
    /// <param name="noDelay">What TCP_NODELAY becomes on each connection.</param>
    /// <param name="reject">Whether connections that are TCP are closed.</param>
    /// <param name="services">What every connection meets.</param>
    /// <param name="bound">Its entry in the list of listeners; <see langword="null"/> when it has none.</param>
    public MptcpConnectionListener(
        ListenSocket listen, SocketConnectionContextFactory connections, bool noDelay, bool reject, ConnectionServices services,
        BoundListener? bound = null)
    {
        EndPoint = listen.EndPoint;
        _accept = new AcceptLoop(listen.Socket, listen.EndPoint, services);
        _scope = new LinkScope(listen.EndPoint);
        _isMptcp = listen.IsMptcp;
        _connections = connections;
        _noDelay = noDelay && listen.IsIP;
        _reject = reject;
        _services = services;
        _bound = bound;
        _logger = services.Logger;
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accept.AcceptAsync(cancellationToken).ConfigureAwait(false) is { } socket)
        {
            if (Create(socket) is { } connection)
            {
                if (Admit(connection, socket) is { } admitted)
                {
                    return admitted;
                }

                _ = CloseAsync(connection);
            }
        }

        _bound?.Lose();
        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _bound?.Remove();
        _accept.Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _bound?.Remove();
        _accept.Dispose();
        _connections.Dispose();
        return ValueTask.CompletedTask;
    }

    private ConnectionContext? Create(Socket socket)
    {
        try
        {
            SetNoDelay(socket);
            return _connections.Create(socket);
        }
        catch (Exception e)
        {
            // Whatever it is, it must not reach Kestrel: an exception from AcceptAsync ends the endpoint for good.
            socket.Dispose();
            _services.Metrics.AcceptFailed(e);
            Log.SocketDropped(_logger, EndPoint, e);
            return null;
        }
    }

    private void SetNoDelay(Socket socket)
    {
        if (!_noDelay)
        {
            return;
        }

        try
        {
            socket.NoDelay = true;
        }
        catch (SocketException)
        {
            // MPTCP sockets refuse it before Linux 5.17, which is said at start, and a connection that was reset meanwhile says so when
            // it is read. It costs the option, not the connection.
        }
    }

    /// <returns>The connection, as Kestrel shall see it; null when it is not to be served.</returns>
    private ConnectionContext? Admit(ConnectionContext connection, Socket socket)
    {
        ConnectionEntry? feature = null;
        try
        {
            // On a unix socket there is nothing to know, and the kernel's answers there look like a fallback.
            if (socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
            {
                return connection;
            }

            _scope.Add(connection);
            feature = new ConnectionEntry(socket, _isMptcp, connection, _services);

            // One system call for every connection, which settles those of TCP clients. To wrap all of them without asking would cost each TCP
            // client 280 bytes, and more in each read.
            var isMptcp = _isMptcp && feature.AskProtocol();
            if (isMptcp)
            {
                connection.Transport = new ResetTransport(connection.Transport);
            }

            var metrics = _services.Metrics;
            metrics.CountAccepted(isMptcp);
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

            feature.List();
            _services.Paths?.Watch(feature, connection);
            return _services.KestrelDuration.IsListenedTo ? new TaggedConnection(feature) : new ListedConnection(feature);
        }
        catch (Exception e)
        {
            // As above.
            feature?.Unlist();
            _services.Metrics.AcceptFailed(e);
            Log.ConnectionDropped(_logger, connection.ConnectionId, e);
            return null;
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
