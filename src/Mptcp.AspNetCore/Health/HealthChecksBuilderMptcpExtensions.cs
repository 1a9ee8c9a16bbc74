using Microsoft.Extensions.Diagnostics.HealthChecks;
using Mptcp.AspNetCore.Health;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a health check for Multipath TCP.</summary>
public static class HealthChecksBuilderMptcpExtensions
{
    /// <summary>
    /// Healthy where this host can do Multipath TCP, or it is disabled by configuration; degraded where it is preferred and the host can't, or
    /// a listener is TCP; unhealthy where it is required and the host can't. The description has the reason and the remedy.
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
