using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Mptcp.AspNetCore.Policy;

namespace Mptcp.AspNetCore;

/// <summary>
/// The endpoint answers only over Multipath TCP. Other requests get the response of the policy: by default 403 with
/// <c>application/problem+json</c>. No middleware is needed.
/// </summary>
/// <remarks>
/// <para>
/// On controllers, actions and Razor Page models the attribute applies without any registration. On minimal API handlers, SignalR hubs and gRPC
/// services it needs <c>builder.WebHost.UseMptcp()</c> or <c>services.AddMptcpPolicy(…)</c>; <c>RequireMptcp()</c> on their endpoints needs neither.
/// </para>
/// <para>
/// It has no effect on methods of hubs, Razor Page handlers and interfaces. With either of these registrations the application does not start
/// if it finds the attribute there.
/// </para>
/// <para>If several attributes apply to one endpoint, a request must meet all of their policies.</para>
/// </remarks>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true)]
public sealed class RequireMptcpAttribute : Attribute, IAsyncAuthorizationFilter, IOrderedFilter
{
    /// <summary>Requires the default policy: Multipath TCP, unless <c>AddMptcpPolicy(…)</c> changes it.</summary>
    public RequireMptcpAttribute()
    {
    }

    /// <summary>Requires a named policy.</summary>
    /// <param name="policyName">A name given to <c>AddMptcpPolicy(name, …)</c>.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public RequireMptcpAttribute(string policyName)
    {
        ArgumentException.ThrowIfNullOrEmpty(policyName);
        PolicyName = policyName;
    }

    /// <summary>The name of the policy; <see langword="null"/> for the default policy.</summary>
    public string? PolicyName { get; }

    /// <summary>The name of the policy's options: that of the default policy is empty.</summary>
    internal string OptionsName => PolicyName ?? "";

    /// <summary>Before all other filters.</summary>
    int IOrderedFilter.Order => int.MinValue;

    async Task IAsyncAuthorizationFilter.OnAuthorizationAsync(AuthorizationFilterContext context)
    {
        // Routing has checked it already if the matcher policy is registered. Other attributes are filters of their own.
        if (GuardedResponse.HasMet(context.HttpContext, [OptionsName]))
        {
            return;
        }

        // The attribute can be a global filter or come from a convention of MVC, and is not in the metadata then.
        var metadata = context.HttpContext.GetEndpoint()?.Metadata.AsEnumerable() ?? [];
        var policies = EndpointGuard.GetPolicies([.. context.ActionDescriptor.EndpointMetadata, .. metadata, .. context.Filters, this]);
        if (policies.Length > 0 && !await EndpointGuard.AdmitAsync(context.HttpContext, policies))
        {
            context.Result = new EmptyResult();
        }
    }
}
