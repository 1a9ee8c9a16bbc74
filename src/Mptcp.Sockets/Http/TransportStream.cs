using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>The stream of a connection's socket. What is above it, TLS or a tunnel, is HttpClient's and does not tell what it stands on.</summary>
internal sealed class TransportStream : NetworkStream, IRequestStream
{
    private volatile HttpConnections? _http1;

    public TransportStream(MptcpConnectResult result, Origin? origin)
        : base(result.Socket, ownsSocket: true)
    {
        Connection = result.Connection;
        Origin = origin;
    }

    public MptcpConnection Connection { get; }

    public Origin? Origin { get; }

    /// <summary>From now on HTTP/1.1 is spoken right on the connection.</summary>
    /// <param name="connections">Those that it is one of.</param>
    public void BeginHttp1(HttpConnections connections) => _http1 = connections;

    public void EndHttp() => _http1 = null;

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
            // The last moment to learn what those will want to know who hold a response of it.
            _ = Connection.Status;
        }

        base.Dispose(disposing);
    }

    private void NoteWrite()
    {
        if (_http1 is { } connections)
        {
            RequestScope.Current?.WriteOn(this, connections);
        }
        else
        {
            PlaintextStream.ArriveAt(this);
        }
    }
}
