using Mptcp.Sockets;

namespace System.Net.Http;

/// <summary>Reports which connection carried a request and its response.</summary>
public static class HttpMessageMptcpExtensions
{
    /// <summary>Which protocol the connection of a response speaks, and why.</summary>
    /// <param name="response">A response that came through the handler that <c>UseMptcp</c> returned.</param>
    /// <returns>
    /// The status; after the connection is closed the last one. <see cref="MptcpStatus.Unknown"/> where
    /// <see cref="GetMptcpConnection(HttpResponseMessage)"/> is null.
    /// </returns>
    public static MptcpStatus GetMptcpStatus(this HttpResponseMessage response) =>
        response.GetMptcpConnection()?.Status ?? MptcpStatus.Unknown;

    /// <summary>The live connection of a response.</summary>
    /// <param name="response">A response that came through the handler that <c>UseMptcp</c> returned.</param>
    /// <returns>
    /// <para>The connection that carried it, also when it was reused; with a proxy that is the connection to the proxy.</para>
    /// <para>
    /// After HttpClient has closed the connection, it keeps the status, figures and subflows of the moment before: the last response of a
    /// connection with <c>Connection: close</c> can be asked when its body has ended.
    /// </para>
    /// <para>
    /// Null where it is not known for certain: over HTTP/3; over HTTP/2 while several connections to the same origin are open, or when one
    /// was closed while the request was under way; in a tunnel through a proxy when the application has a PlaintextStreamFilter; when the
    /// response did not come through that handler, or its request message was sent again since. Null also where
    /// <see cref="MptcpConnectOptions.TrackResponses"/> is false.
    /// </para>
    /// </returns>
    public static MptcpConnection? GetMptcpConnection(this HttpResponseMessage response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return response.RequestMessage is { } request && request.Options.TryGetValue(RequestScope.Key, out var scope) && scope.IsOf(response)
            ? scope.Connection
            : null;
    }

    /// <summary>The live connection of a request, as soon as there is one: while a body is being sent, for example.</summary>
    /// <param name="request">A request that was given to the handler that <c>UseMptcp</c> returned.</param>
    /// <returns>As for a response; over HTTP/2 it is known when the response is there.</returns>
    public static MptcpConnection? GetMptcpConnection(this HttpRequestMessage request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Options.TryGetValue(RequestScope.Key, out var scope) ? scope.Connection : null;
    }
}
