using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Mptcp.AspNetCore;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Paths;
using Mptcp.AspNetCore.Policy;
using Mptcp.Sockets;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds services for Multipath TCP.</summary>
public static class ServiceCollectionMptcpExtensions
{
    /// <summary>
    /// Watches the paths of Kestrel's connections by the kernel's events (Linux 5.12). A lost path is logged at Information and a new one at Debug, with
    /// the connection id, in the category <c>Mptcp.AspNetCore.Paths</c>. The number of subflows is known without asking the kernel.
    /// </summary>
    /// <remarks>
    /// Needs <c>builder.WebHost.UseMptcp()</c>, and CAP_NET_ADMIN in the network namespace. Without the capability, or if no descriptor is left, the
    /// application starts, one line in the log says so, and subflows are read on demand.
    /// </remarks>
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
    /// Configures the default policy, which is the one of <c>RequireMptcp()</c> without a name:
    /// <c>services.AddMptcpPolicy(policy => policy.MonitorOnly = true)</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configureOptions">Sets the options of the default policy.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddMptcpPolicy(this IServiceCollection services, Action<MptcpPolicyOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configureOptions);
        return services.AddMptcpRequirements().Configure(configureOptions);
    }

    /// <summary>Adds a policy for <c>RequireMptcp(policyName)</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="policyName">Its name.</param>
    /// <param name="configureOptions">Sets its options.</param>
    /// <returns>The services.</returns>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static IServiceCollection AddMptcpPolicy(this IServiceCollection services, string policyName, Action<MptcpPolicyOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(policyName);
        ArgumentNullException.ThrowIfNull(configureOptions);
        return services.AddMptcpRequirements().AddSingleton(new PolicyName(policyName)).Configure(policyName, configureOptions);
    }

    /// <summary>
    /// Adds the kernel's counters about Multipath TCP to the meter <c>Mptcp.AspNetCore</c>, as <c>mptcp.host.events</c> with the kernel's name
    /// of each in <c>mptcp.host.event</c>: some sixty series. They are of the whole network namespace, and of all processes in it.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddMptcpHostMetrics(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddMetrics();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, HostMetrics>());
        return services;
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

    /// <summary>Enforces the requirements of endpoints: those of attributes too, also where <c>UseMptcp</c> is not called.</summary>
    internal static IServiceCollection AddMptcpRequirements(this IServiceCollection services)
    {
        services.AddRouting();
        services.TryAddSingleton<Requirements>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<MatcherPolicy, MptcpMatcherPolicy>());
        if (!services.Any(service => service.ImplementationType == typeof(RequirementCheck)))
        {
            // The first filter is the outermost one: it sees the endpoints after all others have added theirs.
            services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter, RequirementCheck>());
        }

        return services;
    }
}
