using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Guards endpoints that require Multipath TCP when routing selects them. There is no middleware to forget or to put in the wrong place, and
/// attributes on handlers, controllers and hubs are covered.
/// </summary>
internal sealed class MptcpMatcherPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    private readonly ConditionalWeakTable<Endpoint, Endpoint> _guarded = [];
    private readonly IServiceProvider _services;

    public MptcpMatcherPolicy(IServiceProvider services) => _services = services;

    /// <summary>After all policies that replace endpoints: those for pages and dynamic endpoints keep the metadata and drop the delegate.</summary>
    public override int Order => int.MaxValue;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints)
    {
        foreach (var endpoint in endpoints)
        {
            EndpointGuard.ThrowIfDynamic(endpoint.Metadata);
        }

        return ContainsDynamicEndpoints(endpoints) || endpoints.Any(endpoint => EndpointGuard.GetPolicies(endpoint.Metadata).Length > 0);
    }

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (var i = 0; i < candidates.Count; i++)
        {
            if (candidates.IsValidCandidate(i))
            {
                var endpoint = candidates[i].Endpoint;
                var guarded = _guarded.GetValue(endpoint, Guard);
                if (guarded != endpoint)
                {
                    candidates.ReplaceEndpoint(i, guarded, candidates[i].Values);
                }
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>Returns an endpoint with the same metadata, which CORS, authorization, rate limits and metrics read.</summary>
    private Endpoint Guard(Endpoint endpoint)
    {
        var policies = EndpointGuard.GetPolicies(endpoint.Metadata);
        if (policies.Length == 0 || endpoint.RequestDelegate is not { } next)
        {
            return endpoint;
        }

        PolicyName.ThrowIfUnknown(policies, _services);
        RequestDelegate guard = new EndpointGuard(next, policies, _services).InvokeAsync;
        return endpoint is RouteEndpoint route
            ? new RouteEndpoint(guard, route.RoutePattern, route.Order, route.Metadata, route.DisplayName)
            : new Endpoint(guard, endpoint.Metadata, endpoint.DisplayName);
    }
}
