using Mptcp.AspNetCore;
using Mptcp.AspNetCore.Policy;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Demands Multipath TCP of endpoints and groups.</summary>
public static class MptcpEndpointConventionBuilderExtensions
{
    /// <summary>
    /// The endpoints answer only over Multipath TCP; everybody else gets 403 with <c>application/problem+json</c>. It holds in any order
    /// of middleware, and also where the connection can't be asked (HTTP/3, unix sockets, TestServer, <c>UseMptcp</c>
    /// forgotten): these requests are rejected.
    /// </summary>
    /// <typeparam name="TBuilder">The type of the builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder RequireMptcp<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Add(endpoint =>
        {
            endpoint.Metadata.Add(new RequireMptcpAttribute());

            // Routing checks as well where UseMptcp was called. This one holds without it.
            if (endpoint.RequestDelegate is { } next)
            {
                var guarded = MptcpRequirement.Guard(next);
                endpoint.RequestDelegate = context =>
                    endpoint.Metadata.Any(item => item is AllowTcpFallbackAttribute) ? next(context) : guarded(context);
            }
        });
        return builder;
    }

    /// <summary>
    /// The endpoints answer over TCP too, although a group above them demands Multipath TCP. It wins wherever it stands, as
    /// <c>AllowAnonymous</c> does over <c>RequireAuthorization</c>.
    /// </summary>
    /// <typeparam name="TBuilder">The type of the builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder AllowTcpFallback<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Add(endpoint => endpoint.Metadata.Add(new AllowTcpFallbackAttribute()));
        return builder;
    }
}
