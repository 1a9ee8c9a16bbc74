using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Puts the guard before endpoints that demand Multipath TCP and have none yet, when routing selects them: no middleware to forget or to put
/// in the wrong place, and it covers attributes on controllers, hubs and handlers.
/// </summary>
internal sealed class MptcpMatcherPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    private readonly ConditionalWeakTable<Endpoint, Endpoint> _guarded = [];

    public override int Order => 0;

    // Dynamic endpoints show their metadata only after the policies that expand them, which have a lower order.
    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints)
    {
        foreach (var endpoint in endpoints)
        {
            EndpointGuard.ThrowIfDynamic(endpoint.Metadata);
        }

        return ContainsDynamicEndpoints(endpoints) || endpoints.Any(endpoint => EndpointGuard.IsNeededBy(endpoint.Metadata));
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

    /// <summary>The same endpoint for everybody who looks at its metadata: CORS, authorization, rate limits, metrics.</summary>
    private static Endpoint Guard(Endpoint endpoint)
    {
        if (!EndpointGuard.IsNeededBy(endpoint.Metadata))
        {
            return endpoint;
        }

        RequestDelegate? guard = endpoint.RequestDelegate is { } next ? new EndpointGuard(next, endpoint.Metadata).InvokeAsync : null;
        return endpoint is RouteEndpoint route && guard is not null
            ? new RouteEndpoint(guard, route.RoutePattern, route.Order, route.Metadata, route.DisplayName)
            : new Endpoint(guard, endpoint.Metadata, endpoint.DisplayName);
    }
}
