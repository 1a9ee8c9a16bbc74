using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Mptcp.AspNetCore;
using Mptcp.AspNetCore.Paths;
using Mptcp.Sockets;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds services for Multipath TCP.</summary>
public static class ServiceCollectionMptcpExtensions
{
    /// <summary>
    /// Watches the paths of Kestrel's connections by the kernel's events (Linux 5.12): each that comes or goes is logged with the
    /// connection id, at Debug in the category <c>Mptcp.AspNetCore</c>, and the number of subflows is right without asking the kernel.
    /// Needs <c>builder.WebHost.UseMptcp()</c>, and CAP_NET_ADMIN in the network namespace: without it one line says so at start,
    /// and subflows are read on demand.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddMptcpPathMonitor(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(PathTracker)))
        {
            return services;
        }

        services.TryAddSingleton<OpenPathMonitor>(_ =>
            (out MptcpSupport support) => MptcpPathMonitor.TryOpen(out var monitor, out support) ? monitor : null);
        services.AddSingleton<PathTracker>();
        return services.AddHostedService(provider => provider.GetRequiredService<PathTracker>());
    }

    /// <summary>
    /// Registers <see cref="MptcpConnectionFactory"/> as the <see cref="IConnectionFactory"/>, where there is none yet. Its options are the
    /// unnamed <see cref="MptcpConnectOptions"/>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddMptcpConnectionFactory(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions();
        services.AddMptcpClient();
        services.TryAddSingleton<IConnectionFactory, MptcpConnectionFactory>();
        return services;
    }
}
