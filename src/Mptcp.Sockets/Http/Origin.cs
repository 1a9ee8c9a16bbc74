namespace Mptcp.Sockets;

/// <summary>The host and port that a connection leads to.</summary>
internal readonly record struct Origin(string Host, int Port)
{
    /// <returns>Null when it is not known: the connection leads to a proxy of which only HttpClient knows what for.</returns>
    public static Origin? Of(SocketsHttpConnectionContext context)
    {
        var request = context.InitialRequestMessage;
        if (IsTunnel(request))
        {
            // HttpClient names in the Host header where the tunnel is to lead.
            return Uri.TryCreate($"http://{request.Headers.Host}", UriKind.Absolute, out var target) ? new(target.IdnHost, target.Port) : null;
        }

        var origin = new Origin(context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        return request.RequestUri is { } uri && origin == new Origin(uri.IdnHost, uri.Port) ? origin : null;
    }

    /// <summary>Whether it is HttpClient's own request to a proxy. A WebSocket over HTTP/2 is a CONNECT too, with a protocol (RFC 8441).</summary>
    public static bool IsTunnel(HttpRequestMessage request) => request.Method == HttpMethod.Connect && request.Headers.Protocol is null;
}
