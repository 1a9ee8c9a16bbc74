using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Checks the requirements of one endpoint when the endpoint is about to run, so that nothing in front of it can change the answer. It admits
/// only requests over connections that are known to be Multipath TCP: a missing feature or an unknown status is rejected.
/// </summary>
internal sealed class EndpointGuard
{
    private readonly RequestDelegate _next;
    private readonly string[] _policies;
    private readonly IOptionsMonitor<MptcpPolicyOptions>? _options;

    /// <param name="next">The endpoint.</param>
    /// <param name="policies">The names of its policies.</param>
    /// <param name="services">The application's services. A request can have others, those of a tenant for example.</param>
    public EndpointGuard(RequestDelegate next, string[] policies, IServiceProvider services)
    {
        _next = next;
        _policies = policies;
        _options = services.GetService<IOptionsMonitor<MptcpPolicyOptions>>();
    }

    /// <summary>The names of the policies that apply to an endpoint, without duplicates. Empty if the endpoint allows TCP.</summary>
    public static string[] GetPolicies(IEnumerable<object> metadata) =>
        metadata.Any(item => item is AllowTcpFallbackAttribute)
            ? []
            : [.. metadata.OfType<RequireMptcpAttribute>().Select(attribute => attribute.OptionsName).Distinct()];

    /// <summary>
    /// Rejects a requirement on a fallback to a controller or a page that is chosen at run time: MVC replaces that endpoint and drops its
    /// metadata, and every client would be served.
    /// </summary>
    /// <exception cref="InvalidOperationException">The metadata has such a requirement.</exception>
    public static void ThrowIfDynamic(IReadOnlyList<object> metadata)
    {
        if (GetPolicies(metadata).Length > 0 && metadata.OfType<IDynamicEndpointMetadata>().Any(dynamic => dynamic.IsDynamic))
        {
            throw new InvalidOperationException(
                "RequireMptcp on a fallback to a controller or a page would be lost: put [RequireMptcp] on the controller, the action or the page.");
        }
    }

    /// <summary>Checks the requirements of an endpoint that has no guard of its own.</summary>
    /// <returns>Whether the endpoint may run. If not, the response is written.</returns>
    public static ValueTask<bool> AdmitAsync(HttpContext context, string[] policies) =>
        AdmitAsync(context, policies, context.RequestServices.GetRequiredService<IOptionsMonitor<MptcpPolicyOptions>>());

    public Task InvokeAsync(HttpContext context)
    {
        var admitted = _options is null ? AdmitAsync(context, _policies) : AdmitAsync(context, _policies, _options);
        return !admitted.IsCompletedSuccessfully ? InvokeAsync(context, admitted)
            : admitted.Result ? _next(context)
            : Task.CompletedTask;
    }

    private async Task InvokeAsync(HttpContext context, ValueTask<bool> admitted)
    {
        if (await admitted)
        {
            await _next(context);
        }
    }

    private static ValueTask<bool> AdmitAsync(HttpContext context, string[] policies, IOptionsMonitor<MptcpPolicyOptions> options)
    {
        // Routing, a convention and a filter can guard the same endpoint.
        if (GuardedResponse.HasMet(context, policies))
        {
            return ValueTask.FromResult(true);
        }

        var feature = context.Features.Get<IMptcpFeature>();
        foreach (var name in policies)
        {
            // The options are read for each request, because a policy can change at run time.
            if (!new MptcpPolicy(name, options.Get(name)).IsMetBy(feature))
            {
                return EnforceAsync(context, policies, options, feature);
            }
        }

        GuardedResponse.Begin(context, policies);
        return ValueTask.FromResult(true);
    }

    /// <summary>Enforces the policies for a request that does not meet all of them at once.</summary>
    private static async ValueTask<bool> EnforceAsync(
        HttpContext context, string[] policies, IOptionsMonitor<MptcpPolicyOptions> options, IMptcpFeature? feature)
    {
        foreach (var name in policies)
        {
            var policy = new MptcpPolicy(name, options.Get(name));
            if (await policy.IsMetInTimeAsync(feature, context.RequestAborted))
            {
                continue;
            }

            if (!policy.Options.MonitorOnly)
            {
                await MptcpRejection.WriteAsync(context, policy, feature);
                return false;
            }

            MptcpRejection.Note(context, policy, feature);
        }

        // Also if a policy only monitors: what a cache stores now would be served after the policy begins to reject.
        GuardedResponse.Begin(context, policies);
        return true;
    }
}
