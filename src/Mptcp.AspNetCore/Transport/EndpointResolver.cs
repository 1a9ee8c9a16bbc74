using System.Net;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Hosting;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>Decides which settings apply to an endpoint: its own, then the endpoint defaults, then the options.</summary>
internal sealed class EndpointResolver
{
    private readonly MptcpTransportOptions _options;
    private readonly EndpointConfiguration _configuration;

    public EndpointResolver(IOptions<MptcpTransportOptions> options, EndpointConfiguration configuration)
    {
        _options = options.Value;
        _configuration = configuration;

        // Kestrel creates its transports before it binds, in the constructor that reads its own options too.
        configuration.Validate();
    }

    /// <returns>The settings. <c>IsLifted</c>: the endpoint demands Multipath TCP, and only the options switch that off.</returns>
    /// <exception cref="IOException">There is a mistake in the configuration. Kestrel passes no other exception on as it is.</exception>
    public (MptcpMode Mode, MptcpFallback Fallback, bool IsLifted) Resolve(EndPoint endpoint)
    {
        try
        {
            var own = endpoint switch
            {
                MptcpEndPoint mptcp => new EndpointSettings(mptcp.Mode, mptcp.Fallback),
                IPEndPoint ip => _configuration.Find(ip),
                _ => default,
            };
            var defaults = _configuration.FindDefaults();
            var mode = own.Mode ?? defaults.Mode;
            var fallback = own.Fallback ?? defaults.Fallback ?? _options.Fallback;

            // The switch for everything: no endpoint turns it on again.
            return _options.Mode == MptcpMode.Disabled
                ? (MptcpMode.Disabled, fallback, DemandsMptcp(mode ?? MptcpMode.Preferred, fallback))
                : (mode ?? _options.Mode, fallback, false);
        }
        catch (OptionsValidationException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    /// <summary>Whether an endpoint with these settings must not serve without Multipath TCP.</summary>
    public static bool DemandsMptcp(MptcpMode mode, MptcpFallback fallback) =>
        mode == MptcpMode.Required || (mode == MptcpMode.Preferred && fallback == MptcpFallback.Reject);
}
