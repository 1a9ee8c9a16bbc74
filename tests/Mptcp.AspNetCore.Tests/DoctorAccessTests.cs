using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Who may see what the doctor says, and the connections.</summary>
public sealed class DoctorAccessTests
{
    private const string Path = "/mptcp/doctor";

    public DoctorAccessTests() => Requires.Mptcp();

    /// <summary>The mapping, and what its page has.</summary>
    public static TheoryData<Func<WebApplication, IEndpointConventionBuilder>, string> Pages => new()
    {
        { app => app.MapMptcpDoctor(Path), "Multipath TCP on this host: " },
        { app => app.MapMptcpConnections(Path), "\"connections\"" },
    };

    [Theory]
    [InlineData("Production")]
    [InlineData("Staging")]
    public async Task Get_OutsideOfDevelopment_NotFoundAndLoggedOnce(string environment)
    {
        await using var server = await StartAsync(environment, app => app.MapMptcpDoctor(Path));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal((HttpStatusCode.NotFound, ""), await GetAsync(server));
        }

        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "DiagnosticEndpointClosed");
        Assert.Equal(LogLevel.Warning, line.Level);
        Assert.StartsWith($"{Path} is closed and answers 404", line.Message);
        Assert.Contains($"the environment is {environment}", line.Message);
        Assert.Contains("RequireAuthorization()", line.Message);
    }

    [Fact]
    public async Task Get_ClosedUnderARouteWithAParameter_PeersTextStaysOutOfTheLog()
    {
        await using var server = await StartAsync(Environments.Production, app => app.MapGroup("/{tenant}").MapMptcpDoctor(Path));
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync($"/a%0Awarn: forged{Path}");
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "DiagnosticEndpointClosed");
        Assert.StartsWith($"/{{tenant}}{Path} is closed", line.Message);
        Assert.DoesNotContain("forged", line.Message);
    }

    [Theory]
    [MemberData(nameof(Pages), DisableDiscoveryEnumeration = true)]
    public async Task Get_AuthorizationRequiredAfterwards_OpenToThoseWhoAreAuthorized(Func<WebApplication, IEndpointConventionBuilder> map, string content)
    {
        await using var server = await StartAsync(Environments.Production, app => map(app).RequireAuthorization());
        Assert.Equal((HttpStatusCode.Unauthorized, ""), await GetAsync(server));
        var (status, page) = await GetAsync(server, user: "operator");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains(content, page);
        Assert.DoesNotContain(server.Log.Ours, line => line.Event.Name == "DiagnosticEndpointClosed");
    }

    [Fact]
    public async Task Get_AuthorizationRequiredOfTheGroup_OpenToThoseWhoAreAuthorized()
    {
        await using var server = await StartAsync(Environments.Production, app => app.MapGroup("/mptcp").RequireAuthorization().MapMptcpDoctor("/doctor"));
        Assert.Equal((HttpStatusCode.Unauthorized, ""), await GetAsync(server));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, user: "operator")).Status);
    }

    [Fact]
    public async Task Get_AuthorizationRequiredInDevelopment_AsksForItToo()
    {
        await using var server = await StartAsync(Environments.Development, app => app.MapMptcpDoctor(Path).RequireAuthorization());
        Assert.Equal((HttpStatusCode.Unauthorized, ""), await GetAsync(server));
    }

    [Fact]
    public async Task Get_AnonymousAllowed_OpenToEverybody()
    {
        await using var server = await StartAsync(Environments.Production, app => app.MapMptcpDoctor(Path).AllowAnonymous());
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server)).Status);
    }

    [Fact]
    public async Task Get_AuthorizationRequiredWithoutTheMiddleware_ShowsNothing()
    {
        await using var server = await Server.StartAsync(map: app => app.MapMptcpDoctor(Path).RequireAuthorization());
        Assert.Equal((HttpStatusCode.InternalServerError, ""), await GetAsync(server, user: "operator"));
    }

    private static Task<Server> StartAsync(string environment, Action<WebApplication> map) => Server.StartAsync(
        builder =>
        {
            builder.Environment.EnvironmentName = environment;
            builder.WebHost.UseMptcp();
            builder.Services.AddAuthentication(nameof(UserHeader)).AddScheme<AuthenticationSchemeOptions, UserHeader>(nameof(UserHeader), null);
            builder.Services.AddAuthorization();
        },
        map);

    private static async Task<(HttpStatusCode Status, string Body)> GetAsync(Server server, string? user = null)
    {
        using var client = server.CreateClient(mptcp: false);
        using var request = new HttpRequestMessage(HttpMethod.Get, Path);
        if (user is not null)
        {
            request.Headers.Add("User", user);
        }

        using var response = await client.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private sealed class UserHeader(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
            Request.Headers["User"].ToString() is { Length: > 0 } name
                ? AuthenticateResult.Success(new(new(new ClaimsIdentity([new(ClaimTypes.Name, name)], Scheme.Name)), Scheme.Name))
                : AuthenticateResult.NoResult());
    }
}
