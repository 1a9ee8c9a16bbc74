namespace Mptcp.AspNetCore;

/// <summary>
/// The endpoint answers over TCP too, although its group or controller requires Multipath TCP. It applies in any order, as
/// <c>[AllowAnonymous]</c> does with <c>[Authorize]</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class AllowTcpFallbackAttribute : Attribute;
