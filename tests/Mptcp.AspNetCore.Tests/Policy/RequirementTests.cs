using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

public sealed class RequirementTests
{
    public RequirementTests() => Requires.Mptcp();

    /// <summary>Path, and whether TCP may have it.</summary>
    public static TheoryData<string, bool> Endpoints => new()
    {
        { "/convention", false },
        { "/attribute", false },
        { "/group/inside", false },
        { "/group/inner/inside", false },
        { "/group/allowed", true },
        { "/group/allowed-by-attribute", true },
        { "/free", true },
        { "/controller/strict", false },
        { "/controller/allowed", true },
        { "/strict-controller/strict", false },
        { "/strict-controller/allowed", true },
        { "/hub/negotiate?negotiateVersion=1", false },
    };

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task Require_EveryKindOfEndpoint_RejectsTcpUnlessAllowed(string path, bool tcpAllowed)
    {
        await using var server = await StartAsync();
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: true, path));
        Assert.Equal(tcpAllowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, path));
    }

    [Fact]
    public async Task Require_DynamicEndpoint_Rejects()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddControllers().AddApplicationPart(typeof(RequirementTests).Assembly);
                builder.Services.AddSingleton<ToStrictController>();
            },
            app => app.MapDynamicControllerRoute<ToStrictController>("dynamic"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/dynamic"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: true, "/dynamic"));
    }

    /// <summary>MVC takes the controller's endpoint in the place of the fallback's, with nothing of what was demanded of the fallback.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RequireMptcp_FallbackToController_FailsAtStartWithTheRemedy(bool grouped)
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartWithFallbackAsync(app =>
            _ = grouped
                ? app.MapGroup("").RequireMptcp().MapFallbackToController("Get", "Lenient")
                : app.MapFallbackToController("Get", "Lenient").RequireMptcp()));
        Assert.Contains("[RequireMptcp]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RequireAttribute_OnFallbackToController_ServesNobody()
    {
        await using var server = await StartWithFallbackAsync(app =>
            app.MapFallbackToController("Get", "Lenient").WithMetadata(new RequireMptcpAttribute()));
        Assert.Equal(HttpStatusCode.InternalServerError, await AskAsync(server, mptcp: false, "/anywhere"));
    }

    [Fact]
    public void RequireMptcp_BuilderThatKnowsNoFinally_Works()
    {
        var builder = new AddOnlyBuilder();
        builder.RequireMptcp();
        Assert.NotNull(builder.Convention);
    }

    [Fact]
    public async Task Reject_Endpoint_IsNeverReached()
    {
        var reached = 0;
        await using var server = await Server.StartAsync(map: app =>
        {
            app.MapPost("/count", () => Interlocked.Increment(ref reached)).RequireMptcp();
            app.MapPost("/count-by-attribute", [RequireMptcp] () => Interlocked.Increment(ref reached));
        });
        using var client = server.CreateClient(mptcp: false);
        foreach (var path in new[] { "/count", "/count-by-attribute" })
        {
            using var response = await client.PostAsync(path, new StringContent("x"));
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }

        Assert.Equal(0, reached);
    }

    [Theory]
    [InlineData(MptcpStatus.Unknown)]
    [InlineData(MptcpStatus.Unavailable)]
    [InlineData(MptcpStatus.FellBack)]
    [InlineData((MptcpStatus)99)]
    public async Task Require_NotActive_Rejects(MptcpStatus status)
    {
        await using var server = await StartAsync(first: app => app.Use((context, next) =>
        {
            context.Features.Set<IMptcpFeature>(new FakeFeature(status));
            return next(context);
        }));
        foreach (var path in new[] { "/convention", "/attribute", "/group/inside", "/controller/strict" })
        {
            Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: true, path));
        }
    }

    [Fact]
    public async Task Require_RoutingPutFirstAndMiddlewareBetween_StillRejects()
    {
        await using var server = await StartAsync(first: app =>
        {
            app.UseRouting();
            app.UseMptcpStatusHeader();
            app.UseStatusCodePages();
        });
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/convention"));
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/attribute"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: true, "/convention"));
    }

    [Fact]
    public async Task Require_UseMptcpForgotten_ConventionsReject()
    {
        await using var server = await StartAsync(builder => { });
        foreach (var path in new[] { "/convention", "/group/inside", "/group/inner/inside" })
        {
            Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, path));
            Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: true, path));
        }
    }

    [Fact]
    public async Task Require_TestServer_Rejects()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseMptcp().UseTestServer();
        await using var app = builder.Build();
        app.MapGet("/convention", () => "yes").RequireMptcp();
        app.MapGet("/attribute", [RequireMptcp] () => "yes");
        await app.StartAsync();
        using var client = app.GetTestClient();
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync("/convention")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync("/attribute")).StatusCode);
    }

    [Fact]
    public async Task Require_EndpointBehindIt_KeepsItsMetadata()
    {
        string? seen = null;
        await using var server = await Server.StartAsync(map: app =>
        {
            app.UseRouting();
            app.Use((context, next) =>
            {
                seen = context.GetEndpoint()?.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName;
                return next(context);
            });
            app.MapGet("/named", () => "yes").RequireMptcp().WithName("by convention");
            app.MapGet("/named-too", [RequireMptcp] () => "yes").WithName("by attribute");
        });
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/named"));
        Assert.Equal("by convention", seen);
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/named-too"));
        Assert.Equal("by attribute", seen);
    }

    private static async Task<HttpStatusCode> AskAsync(Server server, bool mptcp, string path)
    {
        using var client = server.CreateClient(mptcp);
        using var response = path.StartsWith("/hub", StringComparison.Ordinal)
            ? await client.PostAsync(path, null)
            : await client.GetAsync(path);
        return response.StatusCode;
    }

    private static Task<Server> StartWithFallbackAsync(Action<WebApplication> map) => Server.StartAsync(
        builder =>
        {
            builder.WebHost.UseMptcp();
            builder.Services.AddControllers().AddApplicationPart(typeof(RequirementTests).Assembly);
        },
        map);

    private static Task<Server> StartAsync(Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? first = null) => Server.StartAsync(
        builder =>
        {
            (configure ?? (b => b.WebHost.UseMptcp()))(builder);
            builder.Services.AddControllers().AddApplicationPart(typeof(RequirementTests).Assembly);
            builder.Services.AddSignalR();
        },
        app =>
        {
            first?.Invoke(app);
            app.MapGet("/free", () => "yes");
            app.MapGet("/convention", () => "yes").RequireMptcp();
            app.MapGet("/attribute", [RequireMptcp] () => "yes");
            var group = app.MapGroup("/group").RequireMptcp();
            group.MapGet("/inside", () => "yes");
            group.MapGet("/allowed", () => "yes").AllowTcpFallback();
            group.MapGet("/allowed-by-attribute", [AllowTcpFallback] () => "yes");
            group.MapGroup("/inner").MapGet("/inside", () => "yes");
            app.MapControllers();
            app.MapHub<StrictHub>("/hub");
        });
}

[Route("controller")]
public sealed class PartlyStrictController : ControllerBase
{
    [HttpGet("strict")]
    [RequireMptcp]
    public IActionResult Strict() => Ok("yes");

    [HttpGet("allowed")]
    public IActionResult Allowed() => Ok("yes");
}

[Route("strict-controller")]
[RequireMptcp]
public sealed class StrictController : ControllerBase
{
    [HttpGet("strict")]
    public IActionResult Strict() => Ok("yes");

    [HttpGet("allowed")]
    [AllowTcpFallback]
    public IActionResult Allowed() => Ok("yes");
}

/// <summary>Demands nothing.</summary>
public sealed class LenientController : ControllerBase
{
    public IActionResult Get() => Ok("yes");
}

/// <summary>Not routed by itself, only by <see cref="ToStrictController"/>.</summary>
[RequireMptcp]
public sealed class DynamicController : ControllerBase
{
    public IActionResult Strict() => Ok("yes");
}

public sealed class ToStrictController : Microsoft.AspNetCore.Mvc.Routing.DynamicRouteValueTransformer
{
    public override ValueTask<RouteValueDictionary> TransformAsync(HttpContext httpContext, RouteValueDictionary values) =>
        ValueTask.FromResult(new RouteValueDictionary { ["controller"] = "Dynamic", ["action"] = "Strict" });
}

/// <summary>As some builders of third parties: the default of the interface throws.</summary>
internal sealed class AddOnlyBuilder : IEndpointConventionBuilder
{
    public Action<EndpointBuilder>? Convention { get; private set; }

    public void Add(Action<EndpointBuilder> convention) => Convention = convention;
}

[RequireMptcp]
public sealed class StrictHub : Hub;
