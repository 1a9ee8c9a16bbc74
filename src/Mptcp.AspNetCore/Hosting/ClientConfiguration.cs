using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>Reads <c>Mptcp:Client:Mode</c>. <c>Mptcp:Mode</c> <c>Disabled</c> switches clients off too.</summary>
internal sealed class ClientConfiguration : IPostConfigureOptions<MptcpConnectOptions>
{
    public const string SectionName = "Client";

    private readonly IConfiguration? _configuration;

    /// <param name="configuration"><see langword="null"/> where the container has none: services can be built without a host.</param>
    public ClientConfiguration(IConfiguration? configuration = null) => _configuration = configuration;

    public void PostConfigure(string? name, MptcpConnectOptions options)
    {
        if (_configuration is not null)
        {
            var section = _configuration.GetSection(ConfigurationReader.SectionName);
            var reader = new ConfigurationReader(name, typeof(MptcpConnectOptions));
            options.Mode = reader.ReadMode(section) == MptcpMode.Disabled ? MptcpMode.Disabled : Read(reader, section) ?? options.Mode;
        }
    }

    /// <summary>Reads the section <c>Client</c>.</summary>
    /// <param name="reader">The reader.</param>
    /// <param name="section">The section <c>Mptcp</c>.</param>
    /// <returns>The mode; <see langword="null"/> when it is not set.</returns>
    public static MptcpMode? Read(ConfigurationReader reader, IConfigurationSection section)
    {
        var client = section.GetSection(SectionName);
        reader.ThrowIfUnknownKey(client, nameof(MptcpConnectOptions.Mode));
        return reader.ReadMode(client);
    }
}
