namespace Mptcp.Sockets;

/// <summary>
/// The stream on which HttpClient speaks HTTP where that is not the connection's own: above TLS, for HTTP/2, and above a stream of the
/// application's. It notes whose request is written on it.
/// </summary>
/// <remarks>
/// In a tunnel through a proxy it learns with the first write which connection it stands on: the write arrives there in the same call. That
/// holds only where no stream of the application's is in between, which could write on another connection first.
/// </remarks>
internal sealed class PlaintextStream : Stream, IRequestStream
{
    [ThreadStatic]
    private static PlaintextStream? s_writing;

    private readonly Stream _inner;
    private readonly HttpConnections _connections;
    private readonly bool _isHttp2;
    private readonly bool _learnsConnection;
    private volatile bool _isHttpOver;
    private TransportStream? _transport;

    /// <param name="inner">The stream below.</param>
    /// <param name="transport">The connection that it stands on, or <c>null</c> where that is not known.</param>
    /// <param name="learnsConnection">Whether the first write shows the connection, where it is not known.</param>
    /// <param name="connections">The connections of the same handler.</param>
    /// <param name="isHttp2">Whether HTTP/2 is spoken on it.</param>
    public PlaintextStream(Stream inner, TransportStream? transport, bool learnsConnection, HttpConnections connections, bool isHttp2)
    {
        _inner = inner;
        _transport = transport;
        _learnsConnection = transport is null && learnsConnection;
        _connections = connections;
        _isHttp2 = isHttp2;
    }

    /// <summary><c>null</c> when it is not known: in a tunnel before the first write, or for good.</summary>
    public MptcpConnection? Connection => Volatile.Read(ref _transport)?.Connection;

    /// <summary><c>null</c> when it is not known.</summary>
    public Origin? Origin => Volatile.Read(ref _transport)?.Origin;

    public override bool CanRead => _inner.CanRead;

    public override bool CanSeek => _inner.CanSeek;

    public override bool CanWrite => _inner.CanWrite;

    public override bool CanTimeout => _inner.CanTimeout;

    public override long Length => _inner.Length;

    public override long Position
    {
        get => _inner.Position;
        set => _inner.Position = value;
    }

    public override int ReadTimeout
    {
        get => _inner.ReadTimeout;
        set => _inner.ReadTimeout = value;
    }

    public override int WriteTimeout
    {
        get => _inner.WriteTimeout;
        set => _inner.WriteTimeout = value;
    }

    /// <summary>A write has arrived at a connection that carries a tunnel.</summary>
    /// <returns>Whether the stream that writes stands on that connection from now on.</returns>
    public static bool ArriveAt(TransportStream transport)
    {
        if (s_writing is not { } stream || !transport.TryClaim())
        {
            return false;
        }

        s_writing = null;
        stream.StandOn(transport);
        return true;
    }

    public void EndHttp() => _isHttpOver = true;

    public override int Read(byte[] buffer, int offset, int count) => _inner.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => _inner.Read(buffer);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        _inner.ReadAsync(buffer, offset, count, cancellationToken);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _inner.ReadAsync(buffer, cancellationToken);

    public override void CopyTo(Stream destination, int bufferSize) => _inner.CopyTo(destination, bufferSize);

    public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) =>
        _inner.CopyToAsync(destination, bufferSize, cancellationToken);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        var isFirst = BeginWrite();
        try
        {
            _inner.Write(buffer);
        }
        finally
        {
            EndWrite(isFirst);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var isFirst = BeginWrite();
        if (!isFirst)
        {
            return _inner.WriteAsync(buffer, cancellationToken);
        }

        try
        {
            return _inner.WriteAsync(buffer, cancellationToken);
        }
        finally
        {
            EndWrite(isFirst);
        }
    }

    public override void Flush() => _inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => _inner.Seek(offset, origin);

    public override void SetLength(long value) => _inner.SetLength(value);

    public override async ValueTask DisposeAsync()
    {
        Leave();
        await _inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Leave();
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private void StandOn(TransportStream transport) => Volatile.Write(ref _transport, transport);

    private bool BeginWrite()
    {
        if (!_isHttp2 && !_isHttpOver)
        {
            RequestScope.Current?.WriteOn(this, _connections);
        }

        if (!_learnsConnection || Volatile.Read(ref _transport) is not null)
        {
            return false;
        }

        s_writing = this;
        return true;
    }

    private static void EndWrite(bool isFirst)
    {
        if (isFirst)
        {
            s_writing = null;
        }
    }

    private void Leave()
    {
        if (_isHttp2)
        {
            _connections.Remove(this);
        }
    }
}
