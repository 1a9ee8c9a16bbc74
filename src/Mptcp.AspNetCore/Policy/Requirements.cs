using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Options;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Policy;

/// <summary>The endpoints of the application that require Multipath TCP.</summary>
internal sealed class Requirements
{
    private readonly EndpointDataSource _endpoints;
    private readonly IOptionsMonitor<MptcpPolicyOptions> _policies;
    private readonly MptcpMode _mode;
    private readonly bool _isMptcpUsed;

    /// <param name="endpoints">All endpoints.</param>
    /// <param name="policies">The options of the policies.</param>
    /// <param name="transport">The options of <c>UseMptcp</c>.</param>
    /// <param name="connections"><see langword="null"/> if <c>UseMptcp</c> was not called.</param>
    public Requirements(
        EndpointDataSource endpoints, IOptionsMonitor<MptcpPolicyOptions> policies, IOptions<MptcpTransportOptions> transport,
        IMptcpConnections? connections = null)
    {
        _endpoints = endpoints;
        _policies = policies;
        _mode = transport.Value.Mode;
        _isMptcpUsed = connections is not null;
    }

    /// <summary>The names of the endpoints that reject requests over TCP. An endpoint whose policies only monitor rejects none.</summary>
    public IReadOnlyList<string> Enforced =>
    [
        .. from endpoint in _endpoints.Endpoints
           where EndpointGuard.GetPolicies(endpoint.Metadata).Any(name => !_policies.Get(name).MonitorOnly)
           select endpoint.DisplayName ?? (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "an endpoint without a name",
    ];

    /// <summary>
    /// The reason why <see cref="Enforced"/> endpoints reject every request, with the remedy; <see langword="null"/> if Multipath TCP is
    /// possible.
    /// </summary>
    public string? WhyAllAreRejected =>
        !_isMptcpUsed ? "Call builder.WebHost.UseMptcp(): without it no connection is known to be Multipath TCP."
        : _mode == MptcpMode.Disabled ? "Multipath TCP is disabled (Mode is Disabled, in Mptcp:Mode or in UseMptcp)."
        : null;

    /// <summary>Checks that each endpoint's requirement can be enforced.</summary>
    /// <exception cref="InvalidOperationException">
    /// An endpoint requires a policy that does not exist, or an attribute is where it has no effect.
    /// </exception>
    public void ThrowIfInvalid(IServiceProvider services)
    {
        ThrowIfReachableOverCircuit();
        var misplaced = new MisplacedAttributes();
        foreach (var endpoint in _endpoints.Endpoints)
        {
            PolicyName.ThrowIfUnknown(EndpointGuard.GetPolicies(endpoint.Metadata), services);
            misplaced.ThrowIfAnyIn(endpoint);
        }

        misplaced.ThrowIfAnyInPages(services);
    }

    /// <summary>
    /// Interactive components of Blazor navigate within their circuit, without a request to the component's endpoint: the hub of the circuits has
    /// to be guarded too.
    /// </summary>
    private void ThrowIfReachableOverCircuit()
    {
        const string CircuitHub = "Microsoft.AspNetCore.Components.Server.ComponentHub";
        if (_endpoints.Endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<HubMetadata>()?.HubType.FullName == CircuitHub && !IsGuarded(endpoint))
            && _endpoints.Endpoints.FirstOrDefault(endpoint => endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() is not null && IsGuarded(endpoint)) is { } component)
        {
            throw new InvalidOperationException(
                $"{component.DisplayName} requires Multipath TCP, but interactive components can be reached over a circuit without it. Require it for all of them: MapRazorComponents<App>().RequireMptcp().");
        }

        static bool IsGuarded(Endpoint endpoint) => EndpointGuard.GetPolicies(endpoint.Metadata).Length > 0;
    }
}
