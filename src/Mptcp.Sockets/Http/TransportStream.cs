using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>The stream of a connection's socket. The streams above it, TLS or a tunnel, are HttpClient's and hide it.</summary>
internal sealed class TransportStream : NetworkStream, IRequestStream
{
    [ThreadStatic]
    private static bool s_isSearching;

    [ThreadStatic]
    private static TransportStream? s_found;

    private readonly ClientConnection _connection;
    private volatile HttpConnections? _http1;
    private volatile bool _isTunnel;
    private bool _isClaimed;

    public TransportStream(MptcpConnectResult result, Origin? origin)
        : base(result.Socket, ownsSocket: true)
    {
        _connection = result.ClientConnection;
        Origin = origin;
    }

    public MptcpConnection Connection => _connection;

    public Origin? Origin { get; }

    /// <summary>
    /// The connection below a stream of HttpClient's own. A flush of TLS arrives at the connection in the same call, and no code of the
    /// application runs in between.
    /// </summary>
    /// <param name="stream">The stream, without any of the application's on it.</param>
    /// <returns><c>null</c> where the stream keeps a flush for itself, as a tunnel does.</returns>
    public static TransportStream? Below(Stream stream)
    {
        if (stream is TransportStream transport)
        {
            return transport;
        }

        s_isSearching = true;
        try
        {
            stream.Flush();
            return s_found;
        }
        finally
        {
            (s_isSearching, s_found) = (false, null);
        }
    }

    /// <summary>Makes it the connection of one stream above it.</summary>
    /// <returns><c>false</c> when another stream has it already: one of the two is wrong.</returns>
    public bool TryClaim() => !Interlocked.Exchange(ref _isClaimed, true);

    /// <summary>From now on the writes that arrive here are those of the tunnel through a proxy, and of the one stream inside it.</summary>
    public void BeginTunnel() => _isTunnel = true;

    /// <summary>From now on HTTP/1.1 is spoken right on the connection.</summary>
    /// <param name="connections">The connections of the same handler.</param>
    public void BeginHttp1(HttpConnections connections) => _http1 = connections;

    public void EndHttp() => _http1 = null;

    public override void Flush()
    {
        if (s_isSearching)
        {
            s_found = this;
        }

        base.Flush();
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        NoteWrite();
        base.Write(buffer, offset, count);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        NoteWrite();
        base.Write(buffer);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        NoteWrite();
        return base.WriteAsync(buffer, offset, count, cancellationToken);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        NoteWrite();
        return base.WriteAsync(buffer, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The last moment to ask: the holder of the last response may want the figures of the whole connection.
            _connection.ReadLast();
        }

        base.Dispose(disposing);
    }

    private void NoteWrite()
    {
        if (_http1 is { } connections)
        {
            RequestScope.Current?.WriteOn(this, connections);
        }
        else if (_isTunnel && PlaintextStream.ArriveAt(this))
        {
            _isTunnel = false;
        }
    }
}
