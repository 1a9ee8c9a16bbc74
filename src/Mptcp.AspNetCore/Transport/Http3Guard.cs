using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Keeps an endpoint that demands Multipath TCP from serving HTTP/3 beside it: HTTP/3 is over UDP, where no connection meets the demand.
/// </summary>
/// <remarks>
/// Kestrel asks the transports of HTTP/3 in turn, those first that were registered last, and binds an endpoint for HTTP/3 after it was bound
/// for TCP. This one claims such endpoints alone, and refuses to bind them.
/// </remarks>
internal sealed class Http3Guard : IMultiplexedConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly EndpointResolver _resolver;

    public Http3Guard(EndpointResolver resolver) => _resolver = resolver;

    /// <summary>
    /// Registers it as the last one, and only beside a real transport of HTTP/3: by the number of them Kestrel decides whether to advertise
    /// HTTP/3, and where there is none (no MsQuic) it leaves HTTP/3 out.
    /// </summary>
    public static void Register(IServiceCollection services)
    {
        for (var i = services.Count - 1; i >= 0; i--)
        {
            if (services[i] is { ServiceType: var type, IsKeyedService: false, ImplementationType: var implementation }
                && type == typeof(IMultiplexedConnectionListenerFactory))
            {
                if (implementation != typeof(Http3Guard))
                {
                    services.AddSingleton<IMultiplexedConnectionListenerFactory, Http3Guard>();
                    return;
                }

                services.RemoveAt(i);
            }
        }
    }

    /// <summary>Other endpoints than those of the internet belong to other transports, and no setting of ours applies to them.</summary>
    public bool CanBind(EndPoint endpoint) => (endpoint is MptcpEndPoint || endpoint.GetType() == typeof(IPEndPoint))
        && _resolver.Resolve(endpoint) is var settings && EndpointResolver.DemandsMptcp(settings.Mode, settings.Fallback);

    public ValueTask<IMultiplexedConnectionListener> BindAsync(
        EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default) => throw new IOException(
            $"Failed to listen on {endpoint} for HTTP/3: the endpoint demands Multipath TCP, and HTTP/3 is over UDP. Remove HTTP/3 from the endpoint's protocols (Http1AndHttp2), or serve it on an endpoint that accepts TCP.");
}
