using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore;
using Mptcp.AspNetCore.Policy;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Requires Multipath TCP for endpoints and groups.</summary>
public static class MptcpEndpointConventionBuilderExtensions
{
    /// <summary>
    /// The endpoints answer only over Multipath TCP; other requests get 403 with <c>application/problem+json</c>. This applies in any order of
    /// middleware and conventions. Requests whose connection can't be asked are rejected: HTTP/3, unix sockets, TestServer, and all requests if
    /// <c>UseMptcp</c> is not called.
    /// </summary>
    /// <typeparam name="TBuilder">The type of the builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    /// <remarks>
    /// <para>
    /// No shared cache stores the responses: they are <c>Cache-Control: private</c>, and output caching and response caching have no effect on the
    /// endpoints. A cache would answer clients that the endpoint rejects.
    /// </para>
    /// <para>
    /// A fallback to a controller or a page (<c>MapFallbackToController</c>) can't have a requirement, and the application does not start with
    /// one: put the attribute on the controller or the page.
    /// </para>
    /// </remarks>
    public static TBuilder RequireMptcp<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(new RequireMptcpAttribute());

    /// <summary>As <see cref="RequireMptcp{TBuilder}(TBuilder)"/>, with a named policy.</summary>
    /// <typeparam name="TBuilder">The type of the builder.</typeparam>
    /// <param name="builder">An endpoint or a group. If several policies apply to one endpoint, a request must meet all of them.</param>
    /// <param name="policyName">
    /// A name given to <c>services.AddMptcpPolicy(name, …)</c>. The endpoints can't be built, and the application does not start, if there is no
    /// policy of that name.
    /// </param>
    /// <returns>The builder.</returns>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static TBuilder RequireMptcp<TBuilder>(this TBuilder builder, string policyName)
        where TBuilder : IEndpointConventionBuilder => builder.Require(new RequireMptcpAttribute(policyName));

    /// <summary>
    /// The endpoints answer over TCP too, although a group above them requires Multipath TCP. It applies in any order, as <c>AllowAnonymous</c>
    /// does with <c>RequireAuthorization</c>.
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

    private static TBuilder Require<TBuilder>(this TBuilder builder, RequireMptcpAttribute requirement)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Add(endpoint => endpoint.Metadata.Add(requirement));
        try
        {
            // After the conventions of the endpoint and its groups: one of them can replace the delegate or the metadata.
            builder.Finally(endpoint => Guard(endpoint, requirement));
        }
        catch (NotImplementedException)
        {
            // The default of the interface, in builders of third parties.
            builder.Add(endpoint => Guard(endpoint, requirement));
        }

        return builder;
    }

    private static void Guard(EndpointBuilder endpoint, RequireMptcpAttribute requirement)
    {
        if (!endpoint.Metadata.Contains(requirement))
        {
            endpoint.Metadata.Add(requirement);
        }

        var metadata = endpoint.Metadata.AsReadOnly();
        EndpointGuard.ThrowIfDynamic(metadata);
        var policies = EndpointGuard.GetPolicies(metadata);
        PolicyName.ThrowIfUnknown(policies, endpoint.ApplicationServices);
        ThrowIfReplaced(policies, metadata, endpoint.ApplicationServices);

        // Routing guards the endpoint too if the matcher policy is registered. This guard doesn't need that.
        if (policies.Length > 0 && endpoint.RequestDelegate is { } next)
        {
            endpoint.RequestDelegate = new EndpointGuard(next, policies, endpoint.ApplicationServices).InvokeAsync;
        }
    }

    /// <summary>A page that is compiled with its first request gets another endpoint then, with the metadata and without our delegate.</summary>
    private static void ThrowIfReplaced(string[] policies, IReadOnlyList<object> metadata, IServiceProvider services)
    {
        if (policies.Length > 0 && metadata.Any(item => item is PageActionDescriptor and not CompiledPageActionDescriptor)
            && !services.GetServices<MatcherPolicy>().OfType<MptcpMatcherPolicy>().Any())
        {
            throw new InvalidOperationException(
                "RequireMptcp on Razor Pages with run-time compilation needs builder.WebHost.UseMptcp() or services.AddMptcpPolicy(…), or [RequireMptcp] on the page.");
        }
    }
}
