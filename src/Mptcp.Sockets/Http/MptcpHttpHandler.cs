namespace Mptcp.Sockets;

/// <summary>
/// The handler around a <see cref="SocketsHttpHandler"/> that connects over Multipath TCP: ties each response to the connection that
/// carried it. Made by <see cref="SocketsHttpHandlerMptcpExtensions.UseMptcp(SocketsHttpHandler)"/>.
/// </summary>
public sealed class MptcpHttpHandler : DelegatingHandler
{
    private readonly HttpConnections _connections;

    internal MptcpHttpHandler(SocketsHttpHandler innerHandler, HttpConnections connections)
        : base(innerHandler)
    {
        _connections = connections;
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // The end of this method is the end of the scope: what an async method sets, its caller does not see.
        var scope = RequestScope.Begin(request, _connections);
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        scope.Complete(response);
        return response;
    }

    /// <inheritdoc/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
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
}
