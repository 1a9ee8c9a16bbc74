using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Routing;
using Mptcp.AspNetCore.Connections;
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
        return endpoints.MapGet(pattern, new DiagnosticEndpoint(nameof(MapMptcpDoctor), DoctorEndpoint.AnswerAsync).InvokeAsync)
            .WithDisplayName("Mptcp doctor");
    }

    /// <summary>
    /// Maps <c>GET</c> to the live connections of <see cref="Mptcp.AspNetCore.IMptcpConnections"/> as JSON, in pages: <c>?skip=0&amp;take=100</c>,
    /// at most 1,000 at once. Only those of the page are asked for status and figures.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The route, such as <c>/mptcp/connections</c>.</param>
    /// <returns>The endpoint, to add conventions to.</returns>
    /// <remarks>It tells the addresses of clients, and is closed as the doctor is (<see cref="MapMptcpDoctor"/>).</remarks>
    public static IEndpointConventionBuilder MapMptcpConnections(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        return endpoints.MapGet(pattern, new DiagnosticEndpoint(nameof(MapMptcpConnections), ConnectionsEndpoint.AnswerAsync).InvokeAsync)
            .WithDisplayName("Mptcp connections");
    }
}
