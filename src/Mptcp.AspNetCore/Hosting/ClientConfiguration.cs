using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>Reads <c>Mptcp:Client:Mode</c>. <c>Mptcp:Mode</c> <c>Disabled</c> switches clients off too.</summary>
internal sealed class ClientConfiguration : IPostConfigureOptions<MptcpConnectOptions>
{
    public const string SectionName = "Client";

    private readonly IConfiguration? _configuration;

    /// <param name="configuration">Null where the container has none: services can be built without a host.</param>
    public ClientConfiguration(IConfiguration? configuration = null) => _configuration = configuration;

    public void PostConfigure(string? name, MptcpConnectOptions options)
    {
        if (_configuration is null)
        {
            return;
        }

        var section = _configuration.GetSection(ConfigurationReader.SectionName);
        var client = section.GetSection(SectionName);
        ConfigurationReader.ThrowIfUnknownKey(client, [nameof(MptcpConnectOptions.Mode)]);
        var all = ConfigurationReader.ReadEnum<MptcpMode>(section.GetSection(nameof(MptcpTransportOptions.Mode)));
        options.Mode = all == MptcpMode.Disabled
            ? MptcpMode.Disabled
            : ConfigurationReader.ReadEnum<MptcpMode>(client.GetSection(nameof(MptcpConnectOptions.Mode))) ?? options.Mode;
    }
}
