using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>Reads the keys <c>Kestrel:Endpoints:NAME:Mptcp</c> and <c>Kestrel:EndpointDefaults:Mptcp</c>.</summary>
/// <remarks>
/// When the configuration changes at run time, Kestrel stops each endpoint whose section is another one, and binds it again. An exception at
/// that point would take the endpoint down, so a mistake is logged and the endpoint keeps the settings that it had.
/// </remarks>
internal sealed class EndpointConfiguration
{
    private readonly IOptions<KestrelServerOptions> _kestrel;
    private readonly ILogger _logger;
    private readonly ConfigurationReader _reader = new(Options.DefaultName, typeof(MptcpTransportOptions));

    // By the path of the section: the settings that are in force, and the mistake that was logged since.
    private readonly ConcurrentDictionary<string, (EndpointSettings Settings, string? Mistake)> _known = new();

    public EndpointConfiguration(IOptions<KestrelServerOptions> kestrel, ConnectionServices services)
    {
        _kestrel = kestrel;
        _logger = services.Logger;
    }

    private IConfiguration? Kestrel => _kestrel.Value.ConfigurationLoader?.Configuration;

    /// <summary>Reads all of it, before any endpoint is bound.</summary>
    /// <exception cref="OptionsValidationException">There is a mistake in it.</exception>
    public void Validate()
    {
        _ = FindDefaults();
        foreach (var endpoint in Kestrel?.GetSection("Endpoints").GetChildren() ?? [])
        {
            _ = Read(endpoint);
        }
    }

    /// <summary>Reads the settings of all endpoints without settings of their own, in the configuration or in code.</summary>
    /// <exception cref="OptionsValidationException">There is a mistake in it, and there are no earlier settings.</exception>
    public EndpointSettings FindDefaults() => Kestrel is { } kestrel ? ReadOrKeep(kestrel.GetSection("EndpointDefaults").GetSection(ConfigurationReader.SectionName)) : default;

    /// <summary>Finds the endpoint that has this address, and reads its settings.</summary>
    /// <exception cref="OptionsValidationException">There is a mistake in it, and there are no earlier settings.</exception>
    public EndpointSettings Find(IPEndPoint endPoint)
    {
        EndpointSettings settings = default;
        foreach (var endpoint in Kestrel?.GetSection("Endpoints").GetChildren() ?? [])
        {
            if (ParseUrl(endpoint) is { } address && Binds(address, endPoint) && Read(endpoint) is var own && own != default)
            {
                settings = own;
            }
        }

        return settings;
    }

    private EndpointSettings Read(IConfigurationSection endpoint)
    {
        var section = endpoint.GetSection(ConfigurationReader.SectionName);
        var settings = ReadOrKeep(section);

        // Kestrel passes on an address and no name, and only with port 0 can two endpoints have the same one.
        return settings != default && ParseUrl(endpoint) is { IsUnixPipe: false, IsNamedPipe: false, Port: 0 }
            ? throw _reader.Mistake(
                $"{section.Path} needs a port of its own: endpoints with port 0 can't be distinguished, and {endpoint.Path}:Url is \"{endpoint["Url"]}\". Set a port there, or remove {section.Path}.")
            : settings;
    }

    private EndpointSettings ReadOrKeep(IConfigurationSection section)
    {
        try
        {
            _reader.ThrowIfUnknownKey(section, nameof(EndpointSettings.Mode), nameof(EndpointSettings.Fallback));
            var settings = new EndpointSettings(
                _reader.ReadMode(section), _reader.ReadEnum<MptcpFallback>(section.GetSection(nameof(EndpointSettings.Fallback))));
            _known[section.Path] = (settings, null);
            return settings;
        }
        catch (OptionsValidationException e) when (_known.TryGetValue(section.Path, out var known))
        {
            // One line for both addresses of localhost, and for each further change that leaves the mistake where it is.
            if (known.Mistake != e.Message)
            {
                _known[section.Path] = known with { Mistake = e.Message };
                Log.EndpointSettingsKept(_logger, section.Path, e.Message);
            }

            return known.Settings;
        }
    }

    /// <returns>The address; <see langword="null"/> when there is none, or one that Kestrel refuses.</returns>
    private static BindingAddress? ParseUrl(IConfigurationSection endpoint)
    {
        try
        {
            return endpoint["Url"] is { Length: > 0 } url ? BindingAddress.Parse(url) : null;
        }
        catch (FormatException)
        {
            // Kestrel reports it.
            return null;
        }
    }

    /// <summary>Whether Kestrel listens on the endpoint for this address: <c>localhost</c> and names stand for two each.</summary>
    private static bool Binds(BindingAddress address, IPEndPoint endPoint)
    {
        if (address.IsUnixPipe || address.IsNamedPipe || address.Port != endPoint.Port)
        {
            return false;
        }

        if (address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || address.Host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase))
        {
            return endPoint.Address.Equals(IPAddress.Loopback) || endPoint.Address.Equals(IPAddress.IPv6Loopback);
        }

        return IPAddress.TryParse(address.Host, out var ip)
            ? endPoint.Address.Equals(ip)
            : endPoint.Address.Equals(IPAddress.IPv6Any) || endPoint.Address.Equals(IPAddress.Any);
    }
}
