using Microsoft.Extensions.Diagnostics.HealthChecks;
using Mptcp.AspNetCore.Health;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a health check for Multipath TCP.</summary>
public static class HealthChecksBuilderMptcpExtensions
{
    /// <summary>
    /// Healthy where all endpoints do what the configuration asks for, also where it disables Multipath TCP. Degraded where
    /// <c>builder.WebHost.UseMptcp()</c> was not called or bound no endpoint, where Multipath TCP is preferred and this host can't do it, and where a
    /// listener is TCP, and where it is disabled while endpoints require it. Unhealthy where Multipath TCP is required and the host can't do it, and where an endpoint accepts nothing any more because its
    /// listening socket was closed or shut down from outside. The description has the reason and the remedy.
    /// </summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">What stands for unhealthy; null is <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags, to filter checks by.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddMptcp(
        this IHealthChecksBuilder builder, string name = "mptcp", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name, services => ActivatorUtilities.GetServiceOrCreateInstance<MptcpHealthCheck>(services), failureStatus, tags));
    }
}
