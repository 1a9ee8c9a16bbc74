namespace Mptcp.AspNetCore;

/// <summary>
/// The endpoint answers only over Multipath TCP; everybody else gets 403 with <c>application/problem+json</c>. Needs
/// <c>builder.WebHost.UseMptcp()</c>, no middleware.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class RequireMptcpAttribute : Attribute;
