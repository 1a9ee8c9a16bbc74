using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Replaces what a demanding endpoint does by the rejection, in routing: no middleware to forget or to put in the wrong place,
/// and it covers attributes on controllers, hubs and handlers. The metadata stays, for CORS, rate limits and metrics.
/// </summary>
internal sealed class MptcpMatcherPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    public override int Order => 0;

    // Dynamic endpoints show their metadata only after the policies that expand them, which have a lower order.
    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) =>
        ContainsDynamicEndpoints(endpoints) || endpoints.Any(endpoint => MptcpRequirement.IsDemandedBy(endpoint.Metadata));

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (var i = 0; i < candidates.Count; i++)
        {
            if (candidates.IsValidCandidate(i)
                && candidates[i].Endpoint is var endpoint
                && MptcpRequirement.IsDemandedBy(endpoint.Metadata)
                && !MptcpRequirement.IsMetBy(httpContext))
            {
                candidates.ReplaceEndpoint(i, Rejecting(endpoint), candidates[i].Values);
            }
        }

        return Task.CompletedTask;
    }

    private static Endpoint Rejecting(Endpoint endpoint) => endpoint is RouteEndpoint route
        ? new RouteEndpoint(MptcpRequirement.RejectAsync, route.RoutePattern, route.Order, route.Metadata, route.DisplayName)
        : new Endpoint(MptcpRequirement.RejectAsync, endpoint.Metadata, endpoint.DisplayName);
}
