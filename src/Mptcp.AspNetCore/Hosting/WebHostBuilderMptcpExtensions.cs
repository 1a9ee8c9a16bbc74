using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Hosting;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Turns Multipath TCP on for Kestrel.</summary>
public static class WebHostBuilderMptcpExtensions
{
    /// <summary>
    /// Makes Kestrel listen for Multipath TCP: clients that offer it are served over it, all others over TCP. Each connection gets an
    /// <see cref="IMptcpFeature"/>.
    /// </summary>
    /// <param name="hostBuilder">The builder; before or after <c>UseKestrel</c>, after <c>UseQuic</c>, and more than once without harm.</param>
    /// <returns>The builder.</returns>
    /// <remarks>
    /// Settings are read from the configuration section <c>Mptcp</c>, and those of endpoints from <c>Kestrel:Endpoints:NAME:Mptcp</c> and
    /// <c>Kestrel:EndpointDefaults:Mptcp</c>; a mistake in them is an <see cref="OptionsValidationException"/> at start. Endpoints, TLS, limits
    /// and <c>SocketTransportOptions</c> stay as they are; a <c>CreateBoundListenSocket</c> of the application is used as it is. HTTP/3 is over
    /// UDP: an endpoint that demands Multipath TCP (<see cref="MptcpMode.Required"/>, <see cref="MptcpFallback.Reject"/>) does not start with
    /// it. Where an application uses both, call this after <c>UseKestrel</c> and <c>UseQuic</c>.
    /// </remarks>
    public static IWebHostBuilder UseMptcp(this IWebHostBuilder hostBuilder)
    {
        ArgumentNullException.ThrowIfNull(hostBuilder);

        // First Kestrel's own transport, which it adds only where there is none: what ours doesn't claim goes there.
        return hostBuilder.UseSockets().ConfigureServices(services =>
        {
            services.AddMptcpRequirements();
            services.AddOptions<MptcpTransportOptions>().ValidateOnStart();
            services.AddMetrics();
            services.TryAddSingleton<EndpointConfiguration>();
            services.TryAddSingleton<EndpointResolver>();
            services.TryAddSingleton<BoundListeners>();
            services.TryAddSingleton<StartLog>();
            services.TryAddSingleton<ConnectionList>();
            services.TryAddSingleton<IMptcpConnections>(provider => provider.GetRequiredService<ConnectionList>());
            services.TryAddSingleton<ServerMetrics>();
            services.TryAddSingleton<KestrelDuration>();
            services.TryAddSingleton<ConnectionServices>();
            services.TryAddEnumerable([
                ServiceDescriptor.Singleton<IPostConfigureOptions<MptcpTransportOptions>, MptcpConfiguration>(),
                ServiceDescriptor.Singleton<IValidateOptions<MptcpTransportOptions>, MptcpConfiguration>(),
                ServiceDescriptor.Singleton<IConnectionListenerFactory, MptcpTransportFactory>(),
                ServiceDescriptor.Singleton<IHostedService, ConnectionSampler>(),
                ServiceDescriptor.Singleton<IHostedService, StartLog>(provider => provider.GetRequiredService<StartLog>()),
                ServiceDescriptor.Singleton<IStartupFilter, RequestTelemetry>(),
            ]);
            Http3Guard.Register(services);
        });
    }

    /// <summary>As <see cref="UseMptcp(IWebHostBuilder)"/>, with options.</summary>
    /// <param name="hostBuilder">The builder.</param>
    /// <param name="configureOptions">Sets the options. The configuration section <c>Mptcp</c> wins over it.</param>
    /// <returns>The builder.</returns>
    public static IWebHostBuilder UseMptcp(this IWebHostBuilder hostBuilder, Action<MptcpTransportOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(configureOptions);
        return hostBuilder.UseMptcp().ConfigureServices(services => services.Configure(configureOptions));
    }
}
