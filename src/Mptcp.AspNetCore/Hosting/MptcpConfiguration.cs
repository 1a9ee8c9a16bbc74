using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;
using static Mptcp.AspNetCore.Hosting.ConfigurationReader;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>Reads the section <c>Mptcp</c>, as far as it is about the server, and the keys <c>Kestrel:Endpoints:NAME:Mptcp</c>.</summary>
internal sealed class MptcpConfiguration : IPostConfigureOptions<MptcpTransportOptions>, IValidateOptions<MptcpTransportOptions>
{
    private readonly IConfiguration _configuration;
    private readonly IOptions<KestrelServerOptions> _kestrel;

    public MptcpConfiguration(IConfiguration configuration, IOptions<KestrelServerOptions> kestrel)
    {
        _configuration = configuration;
        _kestrel = kestrel;
    }

    public void PostConfigure(string? name, MptcpTransportOptions options)
    {
        var section = _configuration.GetSection(SectionName);
        ThrowIfUnknownKey(
            section,
            [
                nameof(MptcpTransportOptions.Mode), nameof(MptcpTransportOptions.Fallback),
                nameof(MptcpTransportOptions.CongestionControl), nameof(MptcpTransportOptions.FallbackLogLevel),
                nameof(MptcpTransportOptions.SamplingInterval), nameof(MptcpTransportOptions.TagRequestDuration), ClientConfiguration.SectionName,
            ]);

        // The section's own value is not looked at: an environment variable MPTCP would be it.
        var settings = ReadSettings(section);
        options.Mode = settings.Mode ?? options.Mode;
        options.Fallback = settings.Fallback ?? options.Fallback;
        options.FallbackLogLevel =
            ReadEnum<LogLevel>(section.GetSection(nameof(MptcpTransportOptions.FallbackLogLevel))) ?? options.FallbackLogLevel;
        options.SamplingInterval =
            ReadTimeSpan(section.GetSection(nameof(MptcpTransportOptions.SamplingInterval))) ?? options.SamplingInterval;
        options.TagRequestDuration =
            ReadBool(section.GetSection(nameof(MptcpTransportOptions.TagRequestDuration))) ?? options.TagRequestDuration;

        var congestionControl = section[nameof(MptcpTransportOptions.CongestionControl)];
        options.CongestionControl = string.IsNullOrEmpty(congestionControl) ? options.CongestionControl : congestionControl;
    }

    public ValidateOptionsResult Validate(string? name, MptcpTransportOptions options)
    {
        var builder = new ValidateOptionsResultBuilder();
        Check(nameof(options.Mode), options.Mode);
        Check(nameof(options.Fallback), options.Fallback);
        Check(nameof(options.FallbackLogLevel), options.FallbackLogLevel);
        if (options.SamplingInterval <= TimeSpan.Zero || options.SamplingInterval > TimeSpan.FromDays(1))
        {
            builder.AddError(
                $"{nameof(MptcpTransportOptions)}.{nameof(options.SamplingInterval)} is {options.SamplingInterval}; allowed is anything above 0, up to a day.");
        }

        return builder.Build();

        void Check<T>(string property, T value)
            where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
            {
                builder.AddError($"{nameof(MptcpTransportOptions)}.{property} is {value}; allowed are {Allowed<T>()}.");
            }
        }
    }

    /// <summary>What Kestrel's configuration says of the endpoint that has this address.</summary>
    public EndpointSettings Find(IPEndPoint endPoint)
    {
        if (_kestrel.Value.ConfigurationLoader?.Configuration is not { } kestrel)
        {
            return default;
        }

        EndpointSettings settings = default;
        foreach (var endpoint in kestrel.GetSection("Endpoints").GetChildren())
        {
            var section = endpoint.GetSection(SectionName);
            ThrowIfUnknownKey(section, [nameof(EndpointSettings.Mode), nameof(EndpointSettings.Fallback)]);

            var own = ReadSettings(section);

            // "Mptcp": "Disabled" says the same as "Mptcp": { "Mode": "Disabled" }.
            own = own with { Mode = own.Mode ?? ReadEnum<MptcpMode>(section) };
            if (own == default || endpoint["Url"] is not { Length: > 0 } url || !Binds(BindingAddress.Parse(url), endPoint))
            {
                continue;
            }

            // Kestrel hands over an address and not a name, and only port 0 lets two endpoints have the same one.
            if (endPoint.Port == 0)
            {
                throw new IOException(
                    $"{section.Path} can't be told from the settings of other endpoints while {endpoint.Path}:Url is \"{url}\". Give it a port of its own.");
            }

            settings = own;
        }

        return settings;
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

    private static EndpointSettings ReadSettings(IConfigurationSection section) => new(
        ReadEnum<MptcpMode>(section.GetSection(nameof(EndpointSettings.Mode))),
        ReadEnum<MptcpFallback>(section.GetSection(nameof(EndpointSettings.Fallback))));
}
