namespace Mptcp.AspNetCore;

/// <summary>
/// The endpoint answers only over Multipath TCP; everybody else gets 403 with <c>application/problem+json</c>, or what the policy
/// says. Needs <c>builder.WebHost.UseMptcp()</c>, no middleware.
/// </summary>
/// <remarks>Where several stand over one endpoint, all of them must be met.</remarks>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true)]
public sealed class RequireMptcpAttribute : Attribute
{
    /// <summary>Demands what the default policy demands: Multipath TCP, unless <c>AddMptcpPolicy(…)</c> says otherwise.</summary>
    public RequireMptcpAttribute()
        : this("")
    {
    }

    /// <summary>Demands what a named policy demands.</summary>
    /// <param name="policyName">A name given to <c>AddMptcpPolicy(name, …)</c>.</param>
    public RequireMptcpAttribute(string policyName)
    {
        ArgumentNullException.ThrowIfNull(policyName);
        PolicyName = policyName;
    }

    /// <summary>The policy; empty for the default one.</summary>
    public string PolicyName { get; }
}
