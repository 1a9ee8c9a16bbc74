using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>The connections of one SocketsHttpHandler: opens them, and keeps the HTTP/2 ones in mind.</summary>
internal sealed class HttpConnections
{
    private readonly MptcpConnectOptions _options;
    private readonly Func<SocketsHttpPlaintextStreamFilterContext, CancellationToken, ValueTask<Stream>>? _filter;
    private readonly Lock _lock = new();
    private readonly List<PlaintextStream> _http2 = [];
    private long _http2Closed;

    /// <param name="options">How to connect.</param>
    /// <param name="filter">The application's own filter, or null.</param>
    public HttpConnections(
        MptcpConnectOptions options, Func<SocketsHttpPlaintextStreamFilterContext, CancellationToken, ValueTask<Stream>>? filter)
    {
        _options = options;
        _filter = filter;
    }

    /// <summary>How many HTTP/2 connections have been closed.</summary>
    public long Http2Closed => Interlocked.Read(ref _http2Closed);

    /// <summary>The connect callback.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var result = await MptcpConnector.ConnectAsync(context.DnsEndPoint, _options, cancellationToken).ConfigureAwait(false);
        try
        {
            return _options.TrackResponses ? new TransportStream(result, Origin.Of(context)) : new NetworkStream(result.Socket, ownsSocket: true);
        }
        catch
        {
            result.Socket.Dispose();
            throw;
        }
    }

    /// <summary>The plaintext filter: sees each connection when TLS is set up, before the first request is written on it.</summary>
    public async ValueTask<Stream> FilterAsync(SocketsHttpPlaintextStreamFilterContext context, CancellationToken cancellationToken)
    {
        // Before the application's filter puts a stream of its own on it.
        var transport = TransportStream.Below(context.PlaintextStream);
        var stream = _filter is null ? context.PlaintextStream : await _filter(context, cancellationToken).ConfigureAwait(false);
        if (Origin.IsTunnel(context.InitialRequestMessage))
        {
            // A tunnel through a proxy. The stream inside it comes by here in its turn, and does not show the connection then.
            if (_filter is null)
            {
                transport?.BeginTunnel();
            }

            return stream;
        }

        if (transport?.TryClaim() == false)
        {
            transport = null;
        }

        var isHttp2 = context.NegotiatedHttpVersion.Major == 2;
        if (transport is not null && stream == transport && !isHttp2)
        {
            // HttpClient has to see the NetworkStream: only of such a stream it asks the socket, before a blocking request, whether it is
            // still open. On any other it begins to read, on another thread, and waits for that.
            transport.BeginHttp1(this);
            return transport;
        }

        var plaintext = new PlaintextStream(stream, transport, learnsConnection: _filter is null, this, isHttp2);
        if (isHttp2)
        {
            lock (_lock)
            {
                _http2.Add(plaintext);
            }
        }

        return plaintext;
    }

    public void Remove(PlaintextStream http2)
    {
        lock (_lock)
        {
            if (_http2.Remove(http2))
            {
                Interlocked.Increment(ref _http2Closed);
            }
        }
    }

    /// <summary>The HTTP/2 connection that carried a request to this address.</summary>
    /// <param name="uri">The address.</param>
    /// <param name="closedBefore">How many had been closed when the request began.</param>
    /// <returns>Null when it is not certain: it could have been one of several, or one that is closed by now.</returns>
    public PlaintextStream? FindHttp2(Uri uri, long closedBefore)
    {
        var origin = new Origin(uri.IdnHost, uri.Port);
        lock (_lock)
        {
            PlaintextStream? found = null;
            foreach (var candidate in _http2)
            {
                // Where a connection leads is not known of all: behind some proxies, and before something is written on it.
                if (candidate.Origin is { } known && known != origin)
                {
                    continue;
                }

                if (found is not null)
                {
                    return null;
                }

                found = candidate;
            }

            return _http2Closed == closedBefore ? found : null;
        }
    }
}
