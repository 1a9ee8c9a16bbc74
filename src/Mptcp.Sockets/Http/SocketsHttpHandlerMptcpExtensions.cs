using System.Runtime.Versioning;
using Mptcp.Sockets;

namespace System.Net.Http;

/// <summary>Lets HttpClient speak Multipath TCP.</summary>
public static class SocketsHttpHandlerMptcpExtensions
{
    /// <summary>
    /// Makes the handler connect over Multipath TCP, with <see cref="MptcpConnector"/>:
    /// <c>new HttpClient(new SocketsHttpHandler().UseMptcp())</c>.
    /// </summary>
    /// <param name="handler">
    /// The handler, before its first request. TLS, HTTP/2, proxies and <see cref="SocketsHttpHandler.ConnectTimeout"/> work as they did;
    /// HTTP/3 is not over TCP and stays what it is.
    /// </param>
    /// <returns>
    /// A handler around it, through which responses know their connection
    /// (<see cref="HttpMessageMptcpExtensions.GetMptcpStatus(HttpResponseMessage)"/>). Where only the handler itself can be used, its
    /// connections are Multipath TCP all the same, and the responses' status is <see cref="MptcpStatus.Unknown"/>. Don't use both: what the
    /// body of a request through the outer one sends through the inner one is mistaken for the request.
    /// </returns>
    /// <exception cref="InvalidOperationException">
    /// The handler has a <see cref="SocketsHttpHandler.ConnectCallback"/>, or has sent a request already.
    /// </exception>
    [UnsupportedOSPlatform("browser")]
    public static MptcpHttpHandler UseMptcp(this SocketsHttpHandler handler) => handler.UseMptcp(new MptcpConnectOptions());

    /// <summary>As <see cref="UseMptcp(SocketsHttpHandler)"/>, with options.</summary>
    /// <param name="handler">The handler.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <inheritdoc cref="UseMptcp(SocketsHttpHandler)" path="/returns"/>
    /// <inheritdoc cref="UseMptcp(SocketsHttpHandler)" path="/exception"/>
    [UnsupportedOSPlatform("browser")]
    public static MptcpHttpHandler UseMptcp(this SocketsHttpHandler handler, MptcpConnectOptions options)
    {
        ArgumentNullException.ThrowIfNull(handler);
        if (handler.ConnectCallback is not null)
        {
            throw new InvalidOperationException(
                $"This SocketsHttpHandler has a ConnectCallback already, and {nameof(UseMptcp)} would replace it. Remove it, or call {nameof(MptcpConnector)}.{nameof(MptcpConnector.ConnectAsync)} from it.");
        }

        options = new MptcpConnectOptions(options);
        var connections = new HttpConnections(options, handler.PlaintextStreamFilter);
        handler.ConnectCallback = connections.ConnectAsync;
        if (!options.TrackResponses)
        {
            return new MptcpHttpHandler(handler, connections: null);
        }

        handler.PlaintextStreamFilter = connections.FilterAsync;
        return new MptcpHttpHandler(handler, connections);
    }
}
