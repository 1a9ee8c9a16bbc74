using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Puts the check before endpoints that demand Multipath TCP, when routing selects them: no middleware to forget or to put in the wrong
/// place, and it covers attributes on controllers, hubs and handlers.
/// </summary>
internal sealed class MptcpMatcherPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    private readonly ConditionalWeakTable<Endpoint, Endpoint> _guarded = [];

    public override int Order => 0;

    // Dynamic endpoints show their metadata only after the policies that expand them, which have a lower order.
    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) =>
        ContainsDynamicEndpoints(endpoints) || endpoints.Any(endpoint => MptcpRequirement.IsDemandedBy(endpoint.Metadata));

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (var i = 0; i < candidates.Count; i++)
        {
            if (candidates.IsValidCandidate(i) && MptcpRequirement.IsDemandedBy(candidates[i].Endpoint.Metadata))
            {
                candidates.ReplaceEndpoint(i, _guarded.GetValue(candidates[i].Endpoint, Guard), candidates[i].Values);
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>The same endpoint for everybody who looks at its metadata: CORS, authorization, rate limits, metrics.</summary>
    private static Endpoint Guard(Endpoint endpoint)
    {
        var guarded = endpoint.RequestDelegate is { } next ? MptcpRequirement.Guard(next) : null;
        return endpoint is RouteEndpoint route && guarded is not null
            ? new RouteEndpoint(guarded, route.RoutePattern, route.Order, route.Metadata, route.DisplayName)
            : new Endpoint(guarded, endpoint.Metadata, endpoint.DisplayName);
    }
}
