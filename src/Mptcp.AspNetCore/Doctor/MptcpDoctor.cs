using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Hosting;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Policy;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>Examines the host together with the application on it: why does no connection use Multipath TCP?</summary>
public static class MptcpDoctor
{
    private const string NotCalled = "builder.WebHost.UseMptcp() was not called.";

    /// <summary>
    /// As <see cref="MptcpHost.ExamineAsync"/>, with Kestrel's listeners (known once the application has started), the number of connections that
    /// they accepted, and whether the application has HttpClients that use Multipath TCP.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="cancellationToken">Asked before the reading, which takes a few milliseconds.</param>
    /// <returns>The report; it has been read when this returns, in the network namespace of the calling thread.</returns>
    /// <exception cref="System.Net.Sockets.SocketException">No socket can be opened: no descriptors or memory left.</exception>
    public static Task<MptcpHostReport> ExamineAsync(IServiceProvider services, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(services);
        var listeners = services.GetService<BoundListeners>()?.Open ?? [.. ListenersWithoutUs(services)];
        var isClient = services.GetServices<IPostConfigureOptions<MptcpConnectOptions>>().Any(options => options is ClientConfiguration);
        return MptcpHost.ExamineAsync(
            new MptcpExamination
            {
                Listeners = listeners,
                IsClient = isClient,
                Connections = services.GetService<ServerMetrics>()?.Connections,
                EndpointsRequiringMptcp = services.GetService<Requirements>()?.Enforced ?? [],
            },
            cancellationToken);
    }

    private static IEnumerable<MptcpListenerFacts> ListenersWithoutUs(IServiceProvider services) =>
        from address in services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses ?? []
        let parsed = BindingAddress.Parse(address)
        where !parsed.IsUnixPipe && !parsed.IsNamedPipe
        select new MptcpListenerFacts
        {
            // Kestrel listens on loopback for localhost, and on all addresses for other names.
            EndPoint = new IPEndPoint(
                IPAddress.TryParse(parsed.Host, out var ip) ? ip : parsed.Host == "localhost" ? IPAddress.Loopback : IPAddress.IPv6Any, parsed.Port),
            IsMptcp = false,
            WhyNotMptcp = NotCalled,
        };
}
