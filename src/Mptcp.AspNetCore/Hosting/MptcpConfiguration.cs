using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>Reads the section <c>Mptcp</c> and validates it, with its client half.</summary>
internal sealed class MptcpConfiguration : IPostConfigureOptions<MptcpTransportOptions>, IValidateOptions<MptcpTransportOptions>
{
    // The resolution of timers, and no more than a day without a look at the connections.
    private static readonly TimeSpan s_shortestInterval = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestInterval = TimeSpan.FromDays(1);

    private readonly IConfigurationSection _section;

    public MptcpConfiguration(IConfiguration configuration) => _section = configuration.GetSection(ConfigurationReader.SectionName);

    public void PostConfigure(string? name, MptcpTransportOptions options)
    {
        var reader = new ConfigurationReader(name, typeof(MptcpTransportOptions));
        reader.ThrowIfUnknownKey(
            _section,
            nameof(options.Mode), nameof(options.Fallback), nameof(options.CongestionControl), nameof(options.FallbackLogLevel),
            nameof(options.SamplingInterval), nameof(options.TagRequestDuration), ClientConfiguration.SectionName);

        options.Mode = reader.ReadMode(_section) ?? options.Mode;
        options.Fallback = reader.ReadEnum<MptcpFallback>(_section.GetSection(nameof(options.Fallback))) ?? options.Fallback;
        options.FallbackLogLevel = reader.ReadEnum<LogLevel>(_section.GetSection(nameof(options.FallbackLogLevel))) ?? options.FallbackLogLevel;
        options.SamplingInterval =
            reader.ReadTimeSpan(_section.GetSection(nameof(options.SamplingInterval)), s_shortestInterval, s_longestInterval) ?? options.SamplingInterval;
        options.TagRequestDuration = reader.ReadBool(_section.GetSection(nameof(options.TagRequestDuration))) ?? options.TagRequestDuration;
        options.CongestionControl =
            reader.ReadValue(_section.GetSection(nameof(options.CongestionControl)), "names such as cubic") ?? options.CongestionControl;

        // For the mistakes alone: a host without clients has to report them too.
        _ = ClientConfiguration.Read(reader, _section);
    }

    public ValidateOptionsResult Validate(string? name, MptcpTransportOptions options)
    {
        var builder = new ValidateOptionsResultBuilder();
        Check(nameof(options.Mode), options.Mode);
        Check(nameof(options.Fallback), options.Fallback);
        Check(nameof(options.FallbackLogLevel), options.FallbackLogLevel);
        if (options.SamplingInterval < s_shortestInterval || options.SamplingInterval > s_longestInterval)
        {
            builder.AddError(
                $"{nameof(MptcpTransportOptions)}.{nameof(options.SamplingInterval)} is {options.SamplingInterval}; allowed are {ConfigurationReader.Range(s_shortestInterval, s_longestInterval)}.");
        }

        if (options.Mode != MptcpMode.Disabled && options.CongestionControl is { } congestionControl
            && !CongestionControl.IsAllowed(congestionControl))
        {
            var source = string.IsNullOrEmpty(_section[nameof(options.CongestionControl)]) ? nameof(MptcpTransportOptions) + "." : _section.Path + ":";
            builder.AddError(
                $"{source}{nameof(options.CongestionControl)} is \"{congestionControl}\"; {CongestionControl.DescribeKernel()}. Correct it, or remove it to have the kernel's default.");
        }

        return builder.Build();

        void Check<T>(string property, T value)
            where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
            {
                builder.AddError($"{nameof(MptcpTransportOptions)}.{property} is {value}; allowed are {ConfigurationReader.Allowed<T>()}.");
            }
        }
    }
}
