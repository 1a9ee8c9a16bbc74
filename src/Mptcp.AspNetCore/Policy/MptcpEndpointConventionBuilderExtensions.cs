using Microsoft.AspNetCore.Routing;
using Mptcp.AspNetCore;
using Mptcp.AspNetCore.Policy;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Demands Multipath TCP of endpoints and groups.</summary>
public static class MptcpEndpointConventionBuilderExtensions
{
    /// <summary>
    /// The endpoints answer only over Multipath TCP; everybody else gets 403 with <c>application/problem+json</c>. It holds in any order
    /// of middleware, and also where the connection can't be asked (HTTP/3, unix sockets, TestServer, <c>UseMptcp</c>
    /// forgotten): these requests are rejected. A fallback to a controller or a page (<c>MapFallbackToController</c>) can't have it, and says
    /// so when the endpoints are built: the attribute on the controller or the page can.
    /// </summary>
    /// <typeparam name="TBuilder">The type of the builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder RequireMptcp<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.RequireMptcp("");

    /// <summary>As <see cref="RequireMptcp{TBuilder}(TBuilder)"/>, with what a policy demands.</summary>
    /// <typeparam name="TBuilder">The type of the builder.</typeparam>
    /// <param name="builder">An endpoint or a group. Where several policies stand over one endpoint, all of them must be met.</param>
    /// <param name="policyName">A name given to <c>services.AddMptcpPolicy(name, …)</c>. Requests fail while there is none of that name.</param>
    /// <returns>The builder.</returns>
    public static TBuilder RequireMptcp<TBuilder>(this TBuilder builder, string policyName)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(policyName);
        builder.Add(endpoint =>
        {
            endpoint.Metadata.Add(new RequireMptcpAttribute(policyName));
            EndpointGuard.ThrowIfDynamic([.. endpoint.Metadata]);

            // Routing guards as well, where UseMptcp was called. This one holds without it, and needs to stand there once.
            if (endpoint.RequestDelegate is { } next && !endpoint.Metadata.Contains(EndpointGuard.Mark))
            {
                endpoint.Metadata.Add(EndpointGuard.Mark);

                // What comes after this one can still add to the metadata.
                var guard = new Lazy<EndpointGuard>(() => new EndpointGuard(next, [.. endpoint.Metadata]));
                endpoint.RequestDelegate = context => guard.Value.InvokeAsync(context);
            }
        });

        if (builder is RouteGroupBuilder)
        {
            // What is in a group shows what it is after the conventions of the group. Not every other builder has this.
            builder.Finally(static endpoint => EndpointGuard.ThrowIfDynamic([.. endpoint.Metadata]));
        }

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
