namespace Mptcp.AspNetCore;

/// <summary>
/// The endpoint answers over TCP too, although its group or controller demands Multipath TCP. It wins wherever it stands, as
/// <c>[AllowAnonymous]</c> does over <c>[Authorize]</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class AllowTcpFallbackAttribute : Attribute;
