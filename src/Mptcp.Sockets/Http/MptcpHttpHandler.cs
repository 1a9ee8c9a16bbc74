namespace Mptcp.Sockets;

/// <summary>
/// The handler around a <see cref="SocketsHttpHandler"/> that connects over Multipath TCP: ties each response to the connection that
/// carried it, unless <see cref="MptcpConnectOptions.TrackResponses"/> is false. Made by <see cref="SocketsHttpHandlerMptcpExtensions.UseMptcp(SocketsHttpHandler)"/>.
/// </summary>
public sealed class MptcpHttpHandler : DelegatingHandler
{
    private readonly HttpConnections? _connections;

    /// <param name="innerHandler">The handler that connects.</param>
    /// <param name="connections">Its connections; <c>null</c> where responses are not tracked.</param>
    internal MptcpHttpHandler(SocketsHttpHandler innerHandler, HttpConnections? connections)
        : base(innerHandler)
    {
        _connections = connections;
    }

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        _connections is null ? base.SendAsync(request, cancellationToken) : TrackAsync(request, _connections, cancellationToken);

    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (_connections is null)
        {
            return base.Send(request, cancellationToken);
        }

        var scope = RequestScope.Begin(request, _connections);
        try
        {
            var response = base.Send(request, cancellationToken);
            scope.Complete(response);
            return response;
        }
        finally
        {
            scope.End();
        }
    }

    private async Task<HttpResponseMessage> TrackAsync(HttpRequestMessage request, HttpConnections connections, CancellationToken cancellationToken)
    {
        // The end of this method is the end of the scope: the caller does not see values that an async method sets.
        var scope = RequestScope.Begin(request, connections);
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        scope.Complete(response);
        return response;
    }
}
