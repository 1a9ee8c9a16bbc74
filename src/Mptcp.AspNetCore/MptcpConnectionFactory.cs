using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Clients;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>
/// Connects over Multipath TCP for clients that are built on <see cref="ConnectionContext"/>. Each connection has an
/// <see cref="IMptcpFeature"/>. Registered by <c>services.AddMptcpConnectionFactory()</c>.
/// </summary>
public sealed class MptcpConnectionFactory : IConnectionFactory, IDisposable
{
    private readonly MptcpConnectOptions _options;
    private readonly BestEffortLogger _logger;
    private readonly SocketConnectionContextFactory _connections;

    /// <summary>Creates a factory.</summary>
    /// <param name="options">How to connect; copied.</param>
    /// <param name="loggerFactory">Attempts and fallbacks are logged at Debug in the category <c>Mptcp.AspNetCore.Clients</c>.</param>
    public MptcpConnectionFactory(IOptions<MptcpConnectOptions> options, ILoggerFactory loggerFactory)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        _options = ConnectLog.AddTo(options.Value, loggerFactory, nameof(IConnectionFactory));
        _logger = new BestEffortLogger(loggerFactory, LogCategory.Clients);
        _connections = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions(), new BestEffortLogger(loggerFactory, "Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));
    }

    /// <summary>Connects.</summary>
    /// <param name="endpoint">An <see cref="IPEndPoint"/> or a <see cref="DnsEndPoint"/>.</param>
    /// <param name="cancellationToken">Ends the attempts and closes their sockets.</param>
    /// <returns>The connection; it is the caller's.</returns>
    /// <inheritdoc cref="MptcpConnector.ConnectAsync(EndPoint, MptcpConnectOptions?, CancellationToken)" path="/exception"/>
    public async ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var result = await MptcpConnector.ConnectAsync(endpoint, _options, cancellationToken).ConfigureAwait(false);
        try
        {
            var connection = _connections.Create(result.Socket);
            connection.Features.Set<IMptcpFeature>(new ClientConnectionFeature(result.Socket, connection, _logger));
            return connection;
        }
        catch
        {
            result.Socket.Dispose();
            throw;
        }
    }

    /// <summary>Frees the factory's buffers. Connections stay open.</summary>
    public void Dispose() => _connections.Dispose();
}
