using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Metrics;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Accepts from a listening socket until it is closed, whatever happens meanwhile. Kestrel's own loop asks again at once after every
/// error, and with descriptors exhausted, when nothing takes the waiting connection away, that is a full core and silence.
/// </summary>
internal sealed class AcceptLoop : IDisposable
{
    // The longest wait bounds how late the first connection is served when descriptors come free.
    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMilliseconds(500);

    // More of the errors that go away with their connection than a reset storm has without one good connection among them.
    private const int ManyInARow = 1000;

    private readonly Socket _listenSocket;
    private readonly EndPoint _endPoint;
    private readonly ServerMetrics _metrics;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly DescriptorReserve _reserve = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly bool _hasReserve;
    private readonly OncePerMinute _warning;
    private int _failedInARow;
    private TimeSpan _wait = s_shortestWait;
    private long _failedSinceWarning;
    private bool _saysWhenOver;

    public AcceptLoop(Socket listenSocket, EndPoint endPoint, ConnectionServices services)
    {
        _listenSocket = listenSocket;
        _endPoint = endPoint;
        _metrics = services.Metrics;
        _logger = services.Logger;
        _time = services.Time;
        _hasReserve = _reserve.TryFill();
        _warning = new OncePerMinute(_time);
    }

    /// <returns>The next connection; null when the socket was closed and there will be no more.</returns>
    public async ValueTask<Socket?> AcceptAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (_hasReserve && !_reserve.TryFill())
                {
                    // The rest of the process needed them: who comes now would take what is left.
                    throw new SocketException((int)SocketError.TooManyOpenSockets);
                }

                var socket = await _listenSocket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                Succeeded();
                return socket;
            }
            catch (Exception) when (_closed.IsCancellationRequested)
            {
                return null;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception e) when (IsEnd(e))
            {
                // Not by us: somebody who has the socket too shut it down. Without it there is nothing to go on with.
                Log.ListenSocketLost(_logger, _endPoint, e);
                return null;
            }
            catch (Exception e)
            {
                if (e is SocketException { SocketErrorCode: SocketError.TooManyOpenSockets })
                {
                    // First: to tell of it may need one.
                    _reserve.Release();
                }

                _metrics.AcceptFailed(e);
                _failedInARow++;
                if (IsOfTheConnection(e) && _failedInARow < ManyInARow)
                {
                    continue;
                }

                Warn(e);
            }

            if (!await WaitAsync(cancellationToken).ConfigureAwait(false))
            {
                return null;
            }
        }
    }

    /// <summary>Closes the socket: connections that nobody accepted are reset, and the port is free.</summary>
    public void Dispose()
    {
        _closed.Cancel();
        _reserve.Dispose();
        _listenSocket.Dispose();
    }

    /// <summary>Errors that will be the same for ever.</summary>
    private static bool IsEnd(Exception exception) => exception is ObjectDisposedException
        or SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.InvalidArgument or SocketError.NotSocket };

    /// <summary>Errors that the kernel reports of the waiting connection and forgets with it (accept(2)): the next one may be well.</summary>
    private static bool IsOfTheConnection(Exception exception) => exception is SocketException
    {
        SocketErrorCode: SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.AccessDenied or SocketError.TimedOut
            or SocketError.NetworkDown or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.HostUnreachable
            or SocketError.ProtocolOption or SocketError.ProtocolNotSupported or SocketError.OperationNotSupported,
    };

    private void Succeeded()
    {
        _failedInARow = 0;
        _wait = s_shortestWait;
        if (_saysWhenOver)
        {
            _saysWhenOver = false;
            Log.AcceptRecovered(_logger, _endPoint);
        }
    }

    private void Warn(Exception exception)
    {
        _failedSinceWarning++;
        if (!_warning.IsDue())
        {
            return;
        }

        var reason = (exception as SocketException)?.SocketErrorCode switch
        {
            SocketError.TooManyOpenSockets =>
                "No file descriptor is left: raise the limit of the process (LimitNOFILE, ulimit -n) or of the system (fs.file-max), or find what holds them.",

            // What .NET has no name for, ENOMEM among it.
            SocketError.SocketError => "The kernel gives no socket; mostly it is out of memory then.",
            _ => exception.Message,
        };
        Log.AcceptFailing(_logger, _endPoint, _failedSinceWarning, reason);
        _failedSinceWarning = 0;
        _saysWhenOver = true;
    }

    /// <returns>False when the socket was closed meanwhile.</returns>
    private async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token, cancellationToken);
        try
        {
            await Task.Delay(_wait, _time, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested)
        {
            return false;
        }

        _wait = _wait * 2 < s_longestWait ? _wait * 2 : s_longestWait;
        return true;
    }
}
