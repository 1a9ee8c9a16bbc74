using System.Net;

namespace Mptcp.Sockets;

/// <summary>
/// One request on its way through HttpClient's pool. HTTP/1.1 writes a request in the request's own flow of execution, so what that flow
/// writes on is its connection. HTTP/2 writes in a flow of the connection's own: there the connection must be the only one it can be.
/// </summary>
internal sealed class RequestScope
{
    public static readonly HttpRequestOptionsKey<RequestScope> Key = new("Mptcp.Sockets.RequestScope");

    private static readonly AsyncLocal<RequestScope?> s_current = new();

    private readonly HttpConnections _connections;
    private readonly long _closedBefore;
    private readonly RequestScope? _outer;
    private IRequestStream? _stream;
    private HttpResponseMessage? _response;

    private RequestScope(HttpConnections connections)
    {
        _connections = connections;
        _closedBefore = connections.Http2Closed;
        _outer = Current;
    }

    /// <summary>The scope of the flow that asks.</summary>
    public static RequestScope? Current => s_current.Value;

    public MptcpConnection? Connection => Volatile.Read(ref _stream)?.Connection;

    public static RequestScope Begin(HttpRequestMessage request, HttpConnections connections)
    {
        var scope = new RequestScope(connections);
        request.Options.Set(Key, scope);
        s_current.Value = scope;
        return scope;
    }

    /// <summary>For a flow that goes on after the request.</summary>
    public void End() => s_current.Value = _outer;

    /// <summary>
    /// The request is being written on this connection of the handler's. The last one counts: after a retry, a redirect, an
    /// authentication. Other handlers can be used in the same flow, by the one who produces the body for example.
    /// </summary>
    public void WriteOn(IRequestStream stream, HttpConnections connections)
    {
        // What the flow left running goes on when the request is over.
        if (connections == _connections && Volatile.Read(ref _response) is null)
        {
            Volatile.Write(ref _stream, stream);
        }
    }

    /// <summary>The response is there.</summary>
    public void Complete(HttpResponseMessage response)
    {
        if (response.Version.Major != 1)
        {
            var uri = response.Version.Major == 2 ? response.RequestMessage?.RequestUri : null;
            Volatile.Write(ref _stream, uri is null ? null : _connections.FindHttp2(uri, _closedBefore));
        }
        else if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
        {
            Volatile.Read(ref _stream)?.EndHttp();
        }

        Volatile.Write(ref _response, response);
    }

    /// <summary>Whether the response is of this sending: a message can be sent again, and a response can be made of another one.</summary>
    public bool IsOf(HttpResponseMessage response) => Volatile.Read(ref _response) == response;
}
