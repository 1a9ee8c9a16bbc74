using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Bad input: the host does not start, and one line names the key, the value and what is allowed.</summary>
public sealed class ConfigurationTests
{
    [Theory]
    [InlineData("Mptcp:Mode", "Sometimes", "Mptcp:Mode is \"Sometimes\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "7", "Mptcp:Mode is \"7\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "1", "Mptcp:Mode is \"1\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "Required, Disabled", "Mptcp:Mode is \"Required, Disabled\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Fallback", "no", "Mptcp:Fallback is \"no\"; allowed are Accept, Reject.")]
    [InlineData("Mptcp:FallbackLogLevel", "Loud", "Mptcp:FallbackLogLevel is \"Loud\"; allowed are Trace, Debug, Information, Warning, Error, Critical, None.")]
    [InlineData("Mptcp:Modus", "Required", "Mptcp:Modus = \"Required\" is no setting; allowed in Mptcp are Mode, Fallback, CongestionControl, FallbackLogLevel, SamplingInterval, TagRequestDuration, Client.")]
    [InlineData("Kestrel:Endpoints:Web:Mptcp", "Never", "Kestrel:Endpoints:Web:Mptcp is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Kestrel:Endpoints:Web:Mptcp:Mode", "Never", "Kestrel:Endpoints:Web:Mptcp:Mode is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Kestrel:Endpoints:Web:Mptcp:Falback", "Reject", "Kestrel:Endpoints:Web:Mptcp:Falback = \"Reject\" is no setting; allowed in Kestrel:Endpoints:Web:Mptcp are Mode, Fallback.")]
    public async Task StartAsync_WrongConfiguration_OneClearLine(string key, string value, string says)
    {
        var failure = await Assert.ThrowsAsync<IOException>(() => Server.StartAsync(configuration: new()
        {
            ["Kestrel:Endpoints:Web:Url"] = "http://127.0.0.1:0",
            [key] = value,
        }));
        Assert.StartsWith(says, failure.Message);
        Assert.Contains($"in the environment as {key.Replace(":", "__", StringComparison.Ordinal)}", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task StartAsync_UnknownCongestionControl_NamesItAndWhatTheKernelHas()
    {
        Requires.Mptcp();
        var failure = await Assert.ThrowsAsync<IOException>(() => Server.StartAsync(configuration: new() { ["Mptcp:CongestionControl"] = "warp" }));
        Assert.StartsWith("Mptcp:CongestionControl is \"warp\"; this kernel has ", failure.Message);
        Assert.Contains("reno", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task StartAsync_WrongOptionsInCode_NamesThem()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(builder => builder.WebHost.UseMptcp(options =>
        {
            options.Mode = (MptcpMode)42;
            options.Fallback = (MptcpFallback)(-1);
        })));
        Assert.Contains("MptcpTransportOptions.Mode is 42; allowed are Preferred, Required, Disabled.", failure.Message);
        Assert.Contains("MptcpTransportOptions.Fallback is -1; allowed are Accept, Reject.", failure.Message);
    }

    [Fact]
    public async Task StartAsync_EmptyValues_AreNoValues()
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync(configuration: new()
        {
            ["Mptcp:Mode"] = "",
            ["Mptcp:CongestionControl"] = "",
            ["Mptcp:FallbackLogLevel"] = "",
        });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
    }
}
