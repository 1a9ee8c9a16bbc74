using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Routing;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Doctor;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps endpoints about Multipath TCP.</summary>
public static class MptcpEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps <c>GET</c> to the report of <see cref="Mptcp.AspNetCore.MptcpDoctor"/>, made for each request: as plain text, or as JSON for
    /// <c>Accept: application/json</c> and <c>?format=json</c>. When the examination fails, the answer is 500 with the reason.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The route, such as <c>/mptcp/doctor</c>.</param>
    /// <returns>The endpoint, to add conventions to.</returns>
    /// <remarks>
    /// It shows addresses and settings of the host. Unless <c>RequireAuthorization</c> or <c>AllowAnonymous</c> is set on it or on its group, it
    /// answers 404 outside of the environment Development, and in Development to each request that does not come from this machine: from a
    /// loopback address or a unix socket, to a loopback host name (<c>localhost</c>, <c>*.localhost</c>, <c>127.0.0.0/8</c>, <c>[::1]</c>), and without
    /// the headers of a proxy, such as <c>X-Forwarded-For</c>. Each reason is logged once. A proxy on this machine that adds no such header looks
    /// like this machine.
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
    /// at most 1,000 at once. <c>next</c> of a page is the value of <c>skip</c> for the following page. Only the connections of the page are asked for
    /// status and figures.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The route, such as <c>/mptcp/connections</c>.</param>
    /// <returns>The endpoint, to add conventions to.</returns>
    /// <remarks>
    /// <para>
    /// <c>?paths=true</c> adds the paths of each connection; <c>backup</c> (the peer wants the path to be used only when no other is left) needs
    /// <c>AddMptcpPathMonitor</c>. <c>?status=active</c> (or <c>not-negotiated</c>, <c>fell-back</c>, <c>unavailable</c>,
    /// <c>unknown</c>) lists only the connections with this status: it examines at most 1,000 connections from <c>skip</c> on, so a page can have
    /// fewer than <c>take</c> connections, or none, and still have a <c>next</c>.
    /// </para>
    /// <para>It shows the addresses of clients, and is closed as the doctor is (<see cref="MapMptcpDoctor"/>).</para>
    /// </remarks>
    public static IEndpointConventionBuilder MapMptcpConnections(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string pattern)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        return endpoints.MapGet(pattern, new DiagnosticEndpoint(nameof(MapMptcpConnections), ConnectionsEndpoint.AnswerAsync).InvokeAsync)
            .WithDisplayName("Mptcp connections");
    }
}
