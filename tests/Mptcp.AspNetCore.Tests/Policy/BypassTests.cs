using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>Ways around the guard that a review found, and code of applications that the guard must not disturb.</summary>
public sealed class BypassTests
{
    public BypassTests() => Requires.Mptcp();

    [Fact]
    public async Task Require_PolicyOfRoutingReplacesTheDelegate_TcpIsRejected()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddSingleton<MatcherPolicy, ReplacingPolicy>();
            },
            app => app.MapGet("/x", () => "yes").RequireMptcp());
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/x"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: true, "/x"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RequireAttribute_AsAGlobalFilter_TcpIsRejected(bool useMptcp)
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                if (useMptcp)
                {
                    builder.WebHost.UseMptcp();
                }

                builder.Services.AddControllers(options => options.Filters.Add(new RequireMptcpAttribute())).AddApplicationPart(typeof(BypassTests).Assembly);
            },
            app => app.MapControllers());
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(server, mptcp: false, "/controller/allowed"));
    }

    [Fact]
    public async Task AllowTcpFallback_OnControllersWithTheAttribute_TakesPrecedence()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddControllers().AddApplicationPart(typeof(BypassTests).Assembly);
            },
            app => app.MapControllers().AllowTcpFallback());
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: false, "/controller/strict"));
    }

    /// <summary>Output caching does not look at <c>no-store</c>.</summary>
    [Fact]
    public async Task OutputCache_DiagnosticEndpointAnsweredThisMachine_OthersAreRefused()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Environment.EnvironmentName = Environments.Development;
                builder.Services.AddOutputCache(options => options.AddBasePolicy(policy => policy.Cache()));
            },
            app =>
            {
                app.UseOutputCache();
                app.MapMptcpDoctor("/doctor");
            });
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: false, "/doctor"));
        Assert.Equal(HttpStatusCode.NotFound, await AskAsync(server, mptcp: false, "/doctor", ("X-Forwarded-For", "203.0.113.9")));
        Assert.Equal(HttpStatusCode.NotFound, await AskAsync(server, mptcp: false, "/doctor", ("X-Real-IP", "203.0.113.9")));
    }

    [Fact]
    public async Task OutputCache_RejectionWithStatus200_IsNotServedOverMptcp()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy(policy => policy.OnRejected = rejected =>
                {
                    rejected.HttpContext.Response.StatusCode = 200;
                    return new ValueTask(rejected.HttpContext.Response.WriteAsync("use Multipath TCP"));
                });
                builder.Services.AddOutputCache(options => options.AddBasePolicy(policy => policy.Cache()));
            },
            app =>
            {
                app.UseOutputCache();
                app.MapGet("/x", () => "yes").RequireMptcp();
            });
        using var tcp = server.CreateClient(mptcp: false);
        using var mptcp = server.CreateClient(mptcp: true);
        Assert.Equal("use Multipath TCP", await tcp.GetStringAsync("/x"));
        Assert.Equal("yes", await mptcp.GetStringAsync("/x"));
    }

    [Theory]
    [InlineData("Add", "no-cache, private")]
    [InlineData("TryAdd", "no-store")]
    [InlineData("no-store unless it is set", "no-store")]
    [InlineData("saved and restored", "private")]
    [InlineData("removed", "private")]
    public async Task Require_ApplicationHandlesCacheControl_WorksAsUnguarded(string how, string expected)
    {
        await using var server = await Server.StartAsync(map: app =>
        {
            app.Use((context, next) =>
            {
                context.Response.OnStarting(() =>
                {
                    if (how.StartsWith("no-store", StringComparison.Ordinal) && !context.Response.Headers.ContainsKey("Cache-Control"))
                    {
                        context.Response.Headers.CacheControl = "no-store";
                    }

                    return Task.CompletedTask;
                });
                return next(context);
            });
            app.MapGet("/x", (HttpContext context) =>
            {
                var response = context.Features.GetRequiredFeature<IHttpResponseFeature>();
                Assert.False(response.Headers.TryGetValue("Cache-Control", out _));
                Assert.Empty(response.Headers.CacheControl.ToArray());
                switch (how)
                {
                    case "Add":
                        ((IDictionary<string, Microsoft.Extensions.Primitives.StringValues>)response.Headers).Add("Cache-Control", "no-cache");
                        break;
                    case "TryAdd":
                        response.Headers.TryAdd("Cache-Control", "no-store");
                        break;
                    case "saved and restored":
                        var saved = response.Headers;
                        response.Headers = saved;
                        break;
                    case "removed":
                        response.Headers.CacheControl = "public";
                        response.Headers.Remove("Cache-Control");
                        break;
                }

                return "yes";
            }).RequireMptcp();
        });
        using var mptcp = server.CreateClient(mptcp: true);
        using var response = await mptcp.GetAsync("/x");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(expected, response.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task Require_PublicResponseHasStarted_FailsInsteadOfBeingCached()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddResponseCaching();
            },
            app =>
            {
                app.UseResponseCaching();
                app.Use(async (context, next) =>
                {
                    if (context.Request.Path == "/x")
                    {
                        context.Response.Headers.CacheControl = "public, max-age=60";
                        await context.Response.WriteAsync("preface ");
                    }

                    await next(context);
                });
                app.MapGet("/x", () => "secret").RequireMptcp();
            });
        foreach (var mptcp in new[] { true, false })
        {
            using var client = server.CreateClient(mptcp);
            var text = await Record.ExceptionAsync(() => client.GetStringAsync("/x")) is null ? await client.GetStringAsync("/x") : "";
            Assert.DoesNotContain("secret", text);
        }
    }

    [Fact]
    public async Task MonitorOnly_LoggerThrows_RequestIsServed()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy(policy => policy.MonitorOnly = true);
                builder.Logging.AddProvider(new BrokenLog())
                    .AddFilter<BrokenLog>(null, LogLevel.None).AddFilter<BrokenLog>("Mptcp.AspNetCore.Policy", LogLevel.Trace);
            },
            app => app.MapGet("/x", () => "yes").RequireMptcp());
        Assert.Equal(HttpStatusCode.OK, await AskAsync(server, mptcp: false, "/x"));
    }

    private static async Task<HttpStatusCode> AskAsync(Server server, bool mptcp, string path, params (string Name, string Value)[] headers)
    {
        using var client = server.CreateClient(mptcp);
        foreach (var (name, value) in headers)
        {
            client.DefaultRequestHeaders.Add(name, value);
        }

        using var response = await client.GetAsync(path);
        return response.StatusCode;
    }

    /// <summary>As the one for pages with run-time compilation: it keeps the metadata and not the delegate.</summary>
    private sealed class ReplacingPolicy : MatcherPolicy, IEndpointSelectorPolicy
    {
        public override int Order => -10;

        public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => true;

        public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
        {
            for (var i = 0; i < candidates.Count; i++)
            {
                candidates.ReplaceEndpoint(i, new Endpoint(context => context.Response.WriteAsync("replaced"), candidates[i].Endpoint.Metadata, null), candidates[i].Values);
            }

            return Task.CompletedTask;
        }
    }
}
