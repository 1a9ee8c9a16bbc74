namespace Mptcp.Sockets;

/// <summary>A stream that HttpClient writes requests on.</summary>
internal interface IRequestStream
{
    /// <summary>The connection that it stands on; null before the first write.</summary>
    MptcpConnection? Connection { get; }

    /// <summary>From here on it is a WebSocket or the like: what is written on it is no request.</summary>
    void EndHttp();
}
