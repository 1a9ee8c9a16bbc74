using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Razor.Hosting;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>Requirements that can't be enforced keep the application from starting, and those that reject everything are logged.</summary>
public sealed class RequirementStartTests
{
    public RequirementStartTests() => Requires.Mptcp();

    public static TheoryData<string, Action<WebApplication>, string> Misplaced => new()
    {
        { "hub method", app => app.MapHub<HubWithRequirement>("/hub"), $"{typeof(HubWithRequirement)}.Send" },
        { "interface of a hub", app => app.MapHub<ContractHub>("/hub"), $"{typeof(IContract)}.Read" },
        { "interface of a handler", app => app.MapGet("/x", new Contract().Read), $"{typeof(IContract)}.Read" },
        { "interface of a controller", app => app.MapControllers(), $"{typeof(IControllerContract)}.Read" },
        { "class of a handler", app => app.MapGet("/x", HandlersWithRequirement.Read), $"{typeof(HandlersWithRequirement)}" },
        { "page handler", app => app.MapRazorPages(), $"{typeof(PageModelWithRequirement)}.OnGet" },
    };

    [Theory]
    [MemberData(nameof(Misplaced), DisableDiscoveryEnumeration = true)]
    public async Task Attribute_WhereItHasNoEffect_FailsAtStart(string place, Action<WebApplication> map, string method)
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddSignalR();
                var mvc = builder.Services.AddRazorPages();
                mvc.ConfigureApplicationPartManager(parts =>
                {
                    parts.ApplicationParts.Clear();
                    if (place == "page handler")
                    {
                        parts.ApplicationParts.Add(new PagePart(typeof(FakePage)));
                    }

                    parts.FeatureProviders.Add(new NestedController());
                });
            },
            map));
        Assert.Contains($"[RequireMptcp] has no effect on {method}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Require_UnknownPolicy_FailsAtStartWithItsName(bool convention)
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy("strict", _ => { });
            },
            app =>
            {
                if (convention)
                {
                    app.MapGet("/x", () => "yes").RequireMptcp("strikt");
                }
                else
                {
                    app.MapGet("/x", [RequireMptcp("strikt")] () => "yes");
                }
            }));
        Assert.Contains("policy \"strikt\", which does not exist", error.Message, StringComparison.Ordinal);
        Assert.Contains("AddMptcpPolicy(\"strikt\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Require_MptcpDisabled_OneWarningNamesTheEndpoints()
    {
        await using var server = await StartGuardedAsync(
            builder => builder.WebHost.UseMptcp(), new() { ["Mptcp:Mode"] = "Disabled" });
        var warning = Assert.Single(server.Log.Ours, line => line.Event.Name == "EndpointsRejectEveryRequest");
        Assert.Equal((LogLevel.Warning, "Mptcp.AspNetCore.Policy"), (warning.Level, warning.Category));
        Assert.Equal(
            "These endpoints require Multipath TCP and reject every request: HTTP: GET /one, HTTP: GET /two. Multipath TCP is disabled (Mode is Disabled, in Mptcp:Mode or in UseMptcp).",
            warning.Message);
    }

    [Fact]
    public async Task Require_UseMptcpForgotten_WarningSaysSo()
    {
        await using var server = await StartGuardedAsync(_ => { });
        var warning = Assert.Single(server.Log.Ours, line => line.Event.Name == "EndpointsRejectEveryRequest");
        Assert.Contains("Call builder.WebHost.UseMptcp()", warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Require_MptcpPossible_LogsNoWarning()
    {
        await using var server = await StartGuardedAsync(builder => builder.WebHost.UseMptcp());
        Assert.DoesNotContain(server.Log.Ours, line => line.Level >= LogLevel.Warning);
    }

    [Theory]
    [InlineData("replaced before")]
    [InlineData("replaced after")]
    [InlineData("replaced finally")]
    [InlineData("metadata removed")]
    [InlineData("replaced and metadata removed")]
    public async Task RequireMptcp_OtherConvention_CantDropTheGuard(string convention)
    {
        RequestDelegate other = context => context.Response.WriteAsync("other");
        await using var server = await Server.StartAsync(map: app =>
        {
            var endpoint = app.MapGet("/x", () => "yes");
            if (convention == "replaced before")
            {
                endpoint.Add(builder => builder.RequestDelegate = other);
            }

            endpoint.RequireMptcp();
            endpoint.Add(builder =>
            {
                if (convention.StartsWith("replaced a", StringComparison.Ordinal))
                {
                    builder.RequestDelegate = other;
                }

                if (convention.EndsWith("removed", StringComparison.Ordinal))
                {
                    builder.Metadata.Remove(builder.Metadata.OfType<RequireMptcpAttribute>().Single());
                }
            });
            if (convention == "replaced finally")
            {
                // This one runs after the guard of the convention, and routing guards all the same.
                ((IEndpointConventionBuilder)endpoint).Finally(builder => builder.RequestDelegate = other);
            }
        });
        using var tcp = server.CreateClient(mptcp: false);
        using var mptcp = server.CreateClient(mptcp: true);
        Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/x")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await mptcp.GetAsync("/x")).StatusCode);
    }

    /// <summary>Interactive components navigate over the circuit, where no endpoint runs.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Attribute_OnInteractiveComponent_NeedsTheCircuitGuardedToo(bool isCircuitGuarded)
    {
        Task<Server> StartAsync() => Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddRazorComponents().AddInteractiveServerComponents();
            },
            app =>
            {
                app.UseAntiforgery();
                var components = app.MapRazorComponents<SecretComponent>().AddInteractiveServerRenderMode();
                if (isCircuitGuarded)
                {
                    components.RequireMptcp();
                }
            });
        if (isCircuitGuarded)
        {
            await using var server = await StartAsync();
            using var tcp = server.CreateClient(mptcp: false);
            Assert.Equal(HttpStatusCode.Forbidden, (await tcp.PostAsync("/_blazor/negotiate?negotiateVersion=1", null)).StatusCode);
        }
        else
        {
            var error = await Assert.ThrowsAsync<InvalidOperationException>(StartAsync);
            Assert.Contains("MapRazorComponents<App>().RequireMptcp()", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task MonitorOnly_SwitchedOffInTheConfiguration_RejectsFromThenOn()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy("strict", _ => { });
                builder.Services.Configure<MptcpPolicyOptions>("strict", builder.Configuration.GetSection("Policy"));
            },
            app =>
            {
                app.MapGet("/convention", () => "yes").RequireMptcp("strict");
                app.MapGet("/attribute", [RequireMptcp("strict")] () => "yes");
            },
            new() { ["Policy:MonitorOnly"] = "true" });
        using var tcp = server.CreateClient(mptcp: false);
        var configuration = (IConfigurationRoot)server.Services.GetRequiredService<IConfiguration>();
        foreach (var (monitorOnly, expected) in new[] { ("true", HttpStatusCode.OK), ("false", HttpStatusCode.Forbidden), ("true", HttpStatusCode.OK) })
        {
            configuration["Policy:MonitorOnly"] = monitorOnly;
            configuration.Reload();
            Assert.Equal(expected, (await tcp.GetAsync("/convention")).StatusCode);
            Assert.Equal(expected, (await tcp.GetAsync("/attribute")).StatusCode);
        }
    }

    [Fact]
    public async Task Rejected_DefaultPolicy_IsNamedInTheLog()
    {
        await using var server = await Server.StartAsync(map: app => app.MapGet("/x", () => "yes").RequireMptcp(), logLevel: LogLevel.Debug);
        using var tcp = server.CreateClient(mptcp: false);
        Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/x")).StatusCode);
        Assert.Contains(server.Log.Ours, line => line.Event.Name == "RequestRejected" && line.Message.Contains("the policy \"default\"", StringComparison.Ordinal));
    }

    private static Task<Server> StartGuardedAsync(Action<WebApplicationBuilder> configure, Dictionary<string, string?>? configuration = null) => Server.StartAsync(
        builder =>
        {
            configure(builder);
            builder.Services.AddMptcpPolicy("monitored", policy => policy.MonitorOnly = true);
        },
        app =>
        {
            app.MapGet("/one", () => "yes").RequireMptcp();
            app.MapGet("/two", [RequireMptcp] () => "yes");
            app.MapGet("/three", () => "yes").RequireMptcp("monitored");
            app.MapGet("/four", [RequireMptcp, AllowTcpFallback] () => "yes");
        },
        configuration);

    public sealed class HubWithRequirement : Hub
    {
        [RequireMptcp]
        public Task Send() => Clients.All.SendAsync("sent");
    }

    public interface IContract
    {
        [RequireMptcp]
        string Read();
    }

    public sealed class ContractHub : Hub, IContract
    {
        public string Read() => ToString()!;
    }

    public sealed class Contract : IContract
    {
        public string Read() => ToString()!;
    }

    public interface IControllerContract
    {
        [RequireMptcp]
        IActionResult Read();
    }

    [Route("contract")]
    public sealed class ContractController : ControllerBase, IControllerContract
    {
        [HttpGet]
        public IActionResult Read() => Ok("yes");
    }

    [RequireMptcp]
    public static class HandlersWithRequirement
    {
        public static string Read() => "yes";
    }

    [Microsoft.AspNetCore.Components.Route("/secret-component")]
    [RequireMptcp]
    public sealed class SecretComponent : Microsoft.AspNetCore.Components.ComponentBase;

    public sealed class PageModelWithRequirement
    {
        public string? Text { get; private set; }

        [RequireMptcp]
        public void OnGet() => Text = "yes";
    }

    /// <summary>As the Razor compiler generates a page.</summary>
    public sealed class FakePage : Page
    {
        public PageModelWithRequirement Model { get; } = new();

        public override Task ExecuteAsync() => Task.CompletedTask;
    }

    private sealed class PagePart(Type page) : ApplicationPart, IRazorCompiledItemProvider
    {
        public override string Name => nameof(PagePart);

        public IEnumerable<RazorCompiledItem> CompiledItems => [new Item(page)];

        private sealed class Item(Type page) : RazorCompiledItem
        {
            public override string Identifier => "/Pages/Fake.cshtml";

            public override string Kind => "mvc.1.0.razor-page";

            public override IReadOnlyList<object> Metadata => [];

            public override Type Type => page;
        }
    }

    /// <summary>MVC does not find nested controllers by itself, so that this one stays out of the other tests.</summary>
    private sealed class NestedController : IApplicationFeatureProvider<ControllerFeature>
    {
        public void PopulateFeature(IEnumerable<ApplicationPart> parts, ControllerFeature feature) =>
            feature.Controllers.Add(typeof(ContractController).GetTypeInfo());
    }
}
