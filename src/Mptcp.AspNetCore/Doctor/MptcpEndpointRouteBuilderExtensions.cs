using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Routing;
using Mptcp.AspNetCore.Doctor;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps endpoints about Multipath TCP.</summary>
public static class MptcpEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps <c>GET</c> to what <see cref="Mptcp.AspNetCore.MptcpDoctor"/> finds, read anew for each request: as plain text, or as JSON for
    /// <c>Accept: application/json</c> and <c>?format=json</c>.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The route, such as <c>/mptcp/doctor</c>.</param>
    /// <returns>The endpoint, to add conventions to.</returns>
    /// <remarks>
    /// It tells addresses and settings of the host. Outside of the environment Development it answers 404, and logs why once, unless
    /// <c>RequireAuthorization</c> or <c>AllowAnonymous</c> is set on it or on its group.
    /// </remarks>
    public static IEndpointConventionBuilder MapMptcpDoctor(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        return endpoints.MapGet(pattern, new DoctorEndpoint().InvokeAsync).WithDisplayName("Mptcp doctor");
    }
}
