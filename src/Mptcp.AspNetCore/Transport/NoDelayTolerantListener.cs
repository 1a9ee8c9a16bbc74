using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Accepts in Kestrel's place where the kernel refuses TCP_NODELAY on MPTCP sockets (before Linux 5.17): Kestrel sets it on each
/// accepted socket and drops those that refuse. Binding, listening and closing stay with Kestrel's listener.
/// </summary>
/// <remarks>
/// Only where it is needed, since a factory of connections made here has a plain array pool and not Kestrel's pinned one.
/// </remarks>
internal sealed class NoDelayTolerantListener : IConnectionListener
{
    private readonly IConnectionListener _inner;
    private readonly Socket _listenSocket;
    private readonly bool _noDelay;
    private readonly SocketConnectionContextFactory _connections;

    public NoDelayTolerantListener(
        IConnectionListener inner, Socket listenSocket, SocketTransportOptions options, ILoggerFactory loggerFactory)
    {
        _inner = inner;
        _listenSocket = listenSocket;
        _noDelay = options.NoDelay;
        _connections = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions
            {
                IOQueueCount = options.IOQueueCount,
                WaitForDataBeforeAllocatingBuffer = options.WaitForDataBeforeAllocatingBuffer,
                MaxReadBufferSize = options.MaxReadBufferSize,
                MaxWriteBufferSize = options.MaxWriteBufferSize,
                UnsafePreferInlineScheduling = options.UnsafePreferInlineScheduling,
            },
            loggerFactory.CreateLogger("Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));
    }

    public EndPoint EndPoint => _inner.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listenSocket.AcceptAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                // Unbound: null tells Kestrel that there will be no more.
                return null;
            }
            catch (SocketException)
            {
                // As Kestrel does: the connection was reset in the backlog, the next one may be well.
                continue;
            }

            try
            {
                socket.NoDelay = _noDelay;
            }
            catch (SocketException)
            {
                // It costs the option, not the connection.
            }

            return _connections.Create(socket);
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => _inner.UnbindAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _inner.DisposeAsync().ConfigureAwait(false);
        _connections.Dispose();
    }
}
