using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>With a wrong setting the host does not start, and one line names the key, the value and the allowed values.</summary>
public sealed class ConfigurationTests
{
    [Theory]
    [InlineData("Mptcp:Mode", "Sometimes", "Mptcp:Mode is \"Sometimes\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "7", "Mptcp:Mode is \"7\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "1", "Mptcp:Mode is \"1\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "Required, Disabled", "Mptcp:Mode is \"Required, Disabled\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "Preferred,Disabled", "Mptcp:Mode is \"Preferred,Disabled\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode:0", "Disabled", "Mptcp:Mode:0 = \"Disabled\" is not a setting: Mptcp:Mode takes one value, allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp", "Off", "Mptcp is \"Off\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp", "1", "Mptcp is \"1\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Fallback", "Accept,Reject", "Mptcp:Fallback is \"Accept,Reject\"; allowed are Accept, Reject.")]
    [InlineData("Mptcp:SamplingInterval", "soon", "Mptcp:SamplingInterval is \"soon\"; allowed are times from 00:00:00.001 to 1.00:00:00, written as hours:minutes:seconds, such as 00:00:05.")]
    [InlineData("Mptcp:SamplingInterval", "5", "Mptcp:SamplingInterval is \"5\"; allowed are times from 00:00:00.001 to 1.00:00:00, written as hours:minutes:seconds, such as 00:00:05.")]
    [InlineData("Mptcp:SamplingInterval", "1", "Mptcp:SamplingInterval is \"1\"; allowed are times from 00:00:00.001 to 1.00:00:00, written as hours:minutes:seconds")]
    [InlineData("Mptcp:SamplingInterval", "00:00:00.0001", "Mptcp:SamplingInterval is \"00:00:00.0001\"; allowed are times from 00:00:00.001 to 1.00:00:00")]
    [InlineData("Mptcp:SamplingInterval", "-00:00:05", "Mptcp:SamplingInterval is \"-00:00:05\"; allowed are times from 00:00:00.001 to 1.00:00:00")]
    [InlineData("Mptcp:SamplingInterval", "2.00:00:00", "Mptcp:SamplingInterval is \"2.00:00:00\"; allowed are times from 00:00:00.001 to 1.00:00:00")]
    [InlineData("Mptcp:TagRequestDuration", "yes", "Mptcp:TagRequestDuration is \"yes\"; allowed are true, false.")]
    [InlineData("Mptcp:Client:Mode", "Never", "Mptcp:Client:Mode is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Client", "Never", "Mptcp:Client is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Client:Modus", "Never", "Mptcp:Client:Modus = \"Never\" is no setting; allowed in Mptcp:Client are Mode.")]
    [InlineData("Kestrel:EndpointDefaults:Mptcp", "Never", "Kestrel:EndpointDefaults:Mptcp is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Kestrel:EndpointDefaults:Mptcp:Falback", "Reject", "Kestrel:EndpointDefaults:Mptcp:Falback = \"Reject\" is no setting; allowed in Kestrel:EndpointDefaults:Mptcp are Mode, Fallback.")]
    [InlineData("Mptcp:Fallback", "no", "Mptcp:Fallback is \"no\"; allowed are Accept, Reject.")]
    [InlineData("Mptcp:FallbackLogLevel", "Loud", "Mptcp:FallbackLogLevel is \"Loud\"; allowed are Trace, Debug, Information, Warning, Error, Critical, None.")]
    [InlineData("Mptcp:Modus", "Required", "Mptcp:Modus = \"Required\" is no setting; allowed in Mptcp are Mode, Fallback, CongestionControl, FallbackLogLevel, SamplingInterval, TagRequestDuration, Client.")]
    [InlineData("Kestrel:Endpoints:Web:Mptcp", "Never", "Kestrel:Endpoints:Web:Mptcp is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Kestrel:Endpoints:Web:Mptcp:Mode", "Never", "Kestrel:Endpoints:Web:Mptcp:Mode is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Kestrel:Endpoints:Web:Mptcp:Falback", "Reject", "Kestrel:Endpoints:Web:Mptcp:Falback = \"Reject\" is no setting; allowed in Kestrel:Endpoints:Web:Mptcp are Mode, Fallback.")]
    public async Task StartAsync_WrongConfiguration_OneClearLine(string key, string value, string says)
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(configuration: new()
        {
            ["Kestrel:Endpoints:Web:Url"] = "http://127.0.0.1:0",
            [key] = value,
        }));
        Assert.StartsWith(says, failure.Message);
        Assert.Contains($"in the environment as {key.Replace(":", "__", StringComparison.Ordinal)}", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task StartAsync_ValueOfTheSectionIsNoMode_SaysThatTheEnvironmentCanSetIt()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(configuration: new() { ["Mptcp"] = "1" }));
        Assert.Contains("An environment variable named MPTCP sets it too", failure.Message);
    }

    [Theory]
    [InlineData(true, "Mptcp:CongestionControl is \"warp\"; this kernel has ")]
    [InlineData(false, "MptcpTransportOptions.CongestionControl is \"warp\"; this kernel has ")]
    public async Task StartAsync_UnknownCongestionControl_NamesItsSourceAndWhatTheKernelHas(bool inConfiguration, string says)
    {
        Requires.Mptcp();
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(
            builder => builder.WebHost.UseMptcp(options => options.CongestionControl = inConfiguration ? "reno" : "warp"),
            configuration: inConfiguration ? new() { ["Mptcp:CongestionControl"] = "warp" } : []));
        Assert.StartsWith(says, failure.Message);
        Assert.Contains("reno", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task StartAsync_DisabledAndUnknownCongestionControl_Starts()
    {
        await using var server = await Server.StartAsync(configuration: new() { ["Mptcp:Mode"] = "Disabled", ["Mptcp:CongestionControl"] = "warp" });
        Assert.Equal("unavailable", await server.GetStatusAsync(mptcp: false));
    }

    [Theory]
    [InlineData("Mptcp:Client:Mode", "Never", "Mptcp:Client:Mode is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp:Mode", "Never", "Mptcp:Mode is \"Never\"; allowed are Preferred, Required, Disabled.")]
    public async Task StartAsync_HostWithClientsOnly_WrongConfigurationFailsAtStart(string key, string value, string says)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Configuration.AddInMemoryCollection([new(key, value)]);
        builder.Services.AddHttpClient("x").UseMptcp();
        using var host = builder.Build();
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.StartsWith(says, failure.Message);
        Assert.Equal(typeof(MptcpConnectOptions), failure.OptionsType);
    }

    /// <summary>The client half reads <c>Mptcp:Mode</c> too, and one mistake is one failure.</summary>
    [Fact]
    public async Task StartAsync_TestServerAndClients_OneMistakeIsOneFailure()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp().UseTestServer();
                builder.Services.AddHttpClient("x").UseMptcp();
            },
            configuration: new() { ["Mptcp:Mode"] = "Never" }));
        Assert.Single(failure.Failures);
    }

    [Fact]
    public async Task StartAsync_TestServer_KestrelsOptionsAreNotRead()
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp().UseTestServer();
            builder.WebHost.ConfigureKestrel(_ => throw new InvalidOperationException("As with a certificate that is not there in a test."));
        });
    }

    [Fact]
    public async Task Start_CommandLineDisablesIt_ServesTcp()
    {
        using var sample = await QuickStartProcess.StartAsync(null, null, "--urls", $"http://127.0.0.1:{Ports.Free(1)[0]}", "--Mptcp", "Disabled");
        Assert.Contains("disabled by configuration for all endpoints", sample.Program.Output);
    }

    [Theory]
    [InlineData("MPTCP", "1", "Mptcp is \"1\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp__Client__Mode", "Never", "Mptcp:Client:Mode is \"Never\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp__SamplingInterval", "00:00:00.0001", "Mptcp:SamplingInterval is \"00:00:00.0001\"; allowed are times from 00:00:00.001")]
    public async Task Start_WrongEnvironment_EndsWithTheMistake(string name, string value, string says)
    {
        using var sample = QuickStartProcess.Launch(new() { [name] = value });
        Assert.NotEqual(0, await sample.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        var line = sample.Program.Error.Split('\n').First(line => line.StartsWith("Unhandled exception.", StringComparison.Ordinal));
        Assert.Contains($"OptionsValidationException: {says}", line);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0)]
    [InlineData(25 * 3_600_000)]
    public async Task StartAsync_SamplingIntervalInCodeOutOfRange_NamesTheProperty(double milliseconds)
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(
            builder => builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromMilliseconds(milliseconds))));
        Assert.StartsWith("MptcpTransportOptions.SamplingInterval is ", failure.Message);
        Assert.Contains("allowed are times from 00:00:00.001 to 1.00:00:00", failure.Message);
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
