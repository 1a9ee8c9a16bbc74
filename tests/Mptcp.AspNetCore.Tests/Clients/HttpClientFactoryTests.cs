using System.Globalization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

public sealed class HttpClientFactoryTests
{
    public HttpClientFactoryTests() => Requires.Mptcp();

    public static TheoryData<string, Action<IServiceCollection>> Registrations { get; } = new()
    {
        { "by name", services => services.AddHttpClient("x").UseMptcp() },
        { "by name, twice", services => services.AddHttpClient("x").UseMptcp().UseMptcp() },
        { "by default", services => services.ConfigureHttpClientDefaults(client => client.UseMptcp()) },
        {
            "by default, before and after, and by name", services =>
            {
                services.ConfigureHttpClientDefaults(client => client.UseMptcp());
                services.AddHttpClient("x").UseMptcp();
                services.ConfigureHttpClientDefaults(client => client.UseMptcp(options => options.NoDelay = false));
            }
        },
        { "UseSocketsHttpHandler before", services => services.AddHttpClient("x").UseSocketsHttpHandler((handler, _) => handler.UseProxy = false).UseMptcp() },
        { "UseSocketsHttpHandler after", services => services.AddHttpClient("x").UseMptcp().UseSocketsHttpHandler((handler, _) => handler.UseProxy = false) },
        {
            "a primary handler before", services =>
                services.AddHttpClient("x").ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { UseProxy = false }).UseMptcp()
        },
        {
            "a primary handler after", services =>
                services.AddHttpClient("x").UseMptcp().ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { UseProxy = false })
        },
        { "a handler around it", services => services.AddHttpClient("x").AddHttpMessageHandler(() => new Passing()).UseMptcp() },
    };

    [Theory]
    [MemberData(nameof(Registrations))]
    public async Task UseMptcp_HoweverRegistered_ConnectionsAreMptcpAndResponsesSaySo(string how, Action<IServiceCollection> register)
    {
        Assert.NotEmpty(how);
        await using var server = await Server.StartAsync();
        await using var services = Build(register);
        Assert.Equal(("active", MptcpStatus.Active), await GetAsync(services, server));
    }

    [Fact]
    public async Task UseMptcp_NotForThisClient_ItIsTcp()
    {
        await using var server = await Server.StartAsync();
        await using var services = Build(services => services.AddHttpClient("other").UseMptcp());
        Assert.Equal(("not-negotiated", MptcpStatus.Unknown), await GetAsync(services, server));
        Assert.Equal(("active", MptcpStatus.Active), await GetAsync(services, server, "other"));
    }

    [Fact]
    public async Task UseMptcp_OptionsByNameAndByDefault_EachClientHasItsOwn()
    {
        await using var server = await Server.StartAsync();
        await using var services = Build(services =>
        {
            services.ConfigureHttpClientDefaults(client => client.UseMptcp());
            services.AddHttpClient("x").UseMptcp(options => options.Mode = MptcpMode.Disabled);
        });
        Assert.Equal(("not-negotiated", MptcpStatus.Unavailable), await GetAsync(services, server));
        Assert.Equal(("active", MptcpStatus.Active), await GetAsync(services, server, "other"));
    }

    [Theory]
    [InlineData("Mptcp:Client:Mode", "Disabled", "not-negotiated")]
    [InlineData("Mptcp:Client:Mode", "disabled", "not-negotiated")]
    [InlineData("Mptcp:Mode", "Disabled", "not-negotiated")]
    [InlineData("Mptcp:Mode", "Required", "active")]
    [InlineData("Mptcp:Client:Mode", "", "active")]
    public async Task Configuration_Mode_WinsOverCode(string key, string value, string expected)
    {
        await using var server = await Server.StartAsync();
        await using var services = Build(
            services => services.AddHttpClient("x").UseMptcp(options => options.Mode = MptcpMode.Required),
            configuration: new() { [key] = value });
        Assert.Equal((expected, expected == "active" ? MptcpStatus.Active : MptcpStatus.Unavailable), await GetAsync(services, server));
    }

    [Fact]
    public async Task Configuration_EverythingDisabledAndClientsRequired_ItIsTcp()
    {
        await using var server = await Server.StartAsync();
        await using var services = Build(
            services => services.AddHttpClient("x").UseMptcp(), configuration: new() { ["Mptcp:Mode"] = "Disabled", ["Mptcp:Client:Mode"] = "Required" });
        Assert.Equal(("not-negotiated", MptcpStatus.Unavailable), await GetAsync(services, server));
    }

    [Theory]
    [InlineData("Mptcp:Client:Made", "Required", "Mptcp:Client:Made = \"Required\" is no setting; allowed in Mptcp:Client are Mode.")]
    [InlineData("Mptcp:Client:Mode", "On", "Mptcp:Client:Mode is \"On\"; allowed are Preferred, Required, Disabled.")]
    public async Task Configuration_Mistake_IsNamed(string key, string value, string says)
    {
        await using var services = Build(services => services.AddHttpClient("x").UseMptcp(), configuration: new() { [key] = value });
        var failure = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IHttpClientFactory>().CreateClient("x"));
        Assert.Contains(says, failure.Message);
    }

    [Fact]
    public async Task Configuration_ServerAndClientInOne_SectionClientIsNoMistakeOfTheServer()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddHttpClient("x").UseMptcp();
            },
            configuration: new() { ["Mptcp:Client:Mode"] = "Disabled" });
        Assert.Equal(("not-negotiated", MptcpStatus.Unavailable), await GetAsync(server.Services, server));
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
    }

    [Fact]
    public async Task Log_EachAttempt_OneDebugLine()
    {
        await using var server = await Server.StartAsync();
        var closed = Ports.Free(1)[0];
        var own = 0;
        using var log = new LogRecorder();
        await using var services = Build(services => services.AddHttpClient("x").UseMptcp(options => options.AttemptCompleted = _ => own++), log);

        Assert.Equal(("active", MptcpStatus.Active), await GetAsync(services, server));
        using var client = services.GetRequiredService<IHttpClientFactory>().CreateClient("x");
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync($"http://127.0.0.1:{closed}/"));

        Assert.Equal([(17, LogLevel.Debug), (18, LogLevel.Debug)], log.Ours.Select(line => (line.Event.Id, line.Level)));
        Assert.Matches($"^HttpClient \"x\" connected to {server.EndPoint} over Multipath TCP in [0-9]+ ms\\.$", log.Ours[0].Message);
        Assert.Matches($"^HttpClient \"x\" could not connect to 127\\.0\\.0\\.1:{closed}, after [0-9]+ ms: Connection refused$", log.Ours[1].Message);
        Assert.Equal(log.Ours.Count, own);
    }

    [Theory]
    [InlineData("", MptcpMode.Disabled, "The default HttpClient connected to {0} over TCP in ")]
    [InlineData("", MptcpMode.Preferred, "The default HttpClient connected to {0} over Multipath TCP in ")]
    [InlineData("catalog", MptcpMode.Disabled, "HttpClient \"catalog\" connected to {0} over TCP in ")]
    public async Task Log_Connected_SaysWhichClientAndOverWhat(string name, MptcpMode mode, string says)
    {
        await using var server = await Server.StartAsync();
        using var log = new LogRecorder();
        await using var services = Build(services => services.ConfigureHttpClientDefaults(client => client.UseMptcp(options => options.Mode = mode)), log);
        await GetAsync(services, server, name);
        Assert.StartsWith(string.Format(CultureInfo.InvariantCulture, says, server.EndPoint), Assert.Single(log.Ours).Message, StringComparison.Ordinal);
    }

    private static async Task<(string, MptcpStatus)> GetAsync(IServiceProvider services, Server server, string name = "x")
    {
        using var client = services.GetRequiredService<IHttpClientFactory>().CreateClient(name);
        using var response = await client.GetAsync(server.Address);
        return (await response.Content.ReadAsStringAsync(), response.GetMptcpStatus());
    }

    private static ServiceProvider Build(Action<IServiceCollection> register, LogRecorder? log = null, Dictionary<string, string?>? configuration = null)
    {
        var services = new ServiceCollection();
        if (configuration is not null)
        {
            services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(configuration).Build());
        }

        if (log is not null)
        {
            services.AddLogging(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug));
        }

        services.AddHttpClient();
        register(services);
        return services.BuildServiceProvider();
    }

    private sealed class Passing : DelegatingHandler;
}
