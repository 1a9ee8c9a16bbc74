using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>Endpoint kind, status, order of middleware, monitor-only: what comes of each combination.</summary>
public sealed class PolicyMatrixTests
{
    private const string StatusHeader = "Fake-Status";

    /// <summary>The path, and whether its guard needs a registration: attributes on handlers and hubs do, those on controllers are filters.</summary>
    private static readonly (string Path, bool NeedsRegistration)[] s_kinds =
    [
        ("/convention", false),
        ("/group/inside", false),
        ("/group/inner/inside", false),
        ("/attribute", true),
        ("/controller/strict", false),
        ("/strict-controller/strict", false),
        ("/hub/negotiate?negotiateVersion=1", true),
    ];

    public enum Setup
    {
        /// <summary>Nothing but UseMptcp.</summary>
        Plain,

        /// <summary>Routing by hand, before the feature is there, with other middleware after it.</summary>
        RoutingFirst,

        /// <summary>UseMptcp forgotten, and a policy added.</summary>
        UseMptcpForgotten,

        /// <summary>UseMptcp forgotten, and no policy added.</summary>
        EverythingForgotten,
    }

    public static TheoryData<Setup, bool> Setups => new()
    {
        { Setup.Plain, false },
        { Setup.Plain, true },
        { Setup.RoutingFirst, false },
        { Setup.RoutingFirst, true },
        { Setup.UseMptcpForgotten, false },
        { Setup.UseMptcpForgotten, true },
        { Setup.EverythingForgotten, false },
    };

    [Theory]
    [MemberData(nameof(Setups))]
    public async Task Require_EveryCombination_OnlyActiveOrMonitoredPasses(Setup setup, bool monitorOnly)
    {
        await using var server = await StartAsync(setup, monitorOnly);
        using var client = new HttpClient { BaseAddress = server.Address };
        foreach (var (path, needsRegistration) in s_kinds)
        {
            foreach (var status in (string[])["absent", .. Enum.GetNames<MptcpStatus>(), "99"])
            {
                using var request = new HttpRequestMessage(path.StartsWith("/hub", StringComparison.Ordinal) ? HttpMethod.Post : HttpMethod.Get, path);
                request.Headers.Add(StatusHeader, status);
                using var response = await client.SendAsync(request);
                var passes = status == nameof(MptcpStatus.Active) || monitorOnly || (setup == Setup.EverythingForgotten && needsRegistration);
                Assert.True(
                    response.StatusCode == (passes ? HttpStatusCode.OK : HttpStatusCode.Forbidden),
                    $"{setup}, monitor only {monitorOnly}: {path} with {status} is {response.StatusCode}.");
            }
        }
    }

    [Theory]
    [InlineData(1, 1, true)]
    [InlineData(2, 1, false)]
    [InlineData(2, 2, true)]
    [InlineData(2, null, false)]
    public async Task Require_MinimumSubflows_CountsWhatIsKnown(int minimum, int? subflows, bool passes)
    {
        var feature = new FakeFeature(MptcpStatus.Active, subflows);
        await using var server = await Server.StartAsync(
            builder => builder.Services.AddMptcpPolicy("paths", policy => policy.MinimumSubflows = minimum),
            app =>
            {
                app.Use((context, next) =>
                {
                    context.Features.Set<IMptcpFeature>(feature);
                    return next(context);
                });
                app.MapGet("/paths", () => "yes").RequireMptcp("paths");
                app.MapGet("/attribute", [RequireMptcp("paths")] () => "yes");
            });
        using var client = new HttpClient { BaseAddress = server.Address };
        foreach (var path in new[] { "/paths", "/attribute" })
        {
            using var response = await client.GetAsync(path);
            Assert.Equal(passes ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
            if (!passes)
            {
                var problem = await response.Content.ReadFromJsonAsync<Dictionary<string, object>>();
                Assert.Contains($"at least {minimum} paths", problem!["detail"].ToString());
                Assert.Contains(subflows is null ? "it is not known" : $"has {subflows}", problem["detail"].ToString());
            }
        }
    }

    [Fact]
    public async Task Require_SeveralPolicies_AllMustBeMet()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy("any", policy => policy.StatusCode = 426 + 25);
                builder.Services.AddMptcpPolicy("two", policy => (policy.MinimumSubflows, policy.StatusCode) = (2, 503));
            },
            app =>
            {
                app.Use((context, next) =>
                {
                    context.Features.Set<IMptcpFeature>(new FakeFeature(Enum.Parse<MptcpStatus>(context.Request.Query["status"]!), 1));
                    return next(context);
                });
                app.MapGroup("/group").RequireMptcp("any").MapGet("/inside", () => "yes").RequireMptcp("two");
                app.MapGet("/allowed", [RequireMptcp("any"), RequireMptcp("two"), AllowTcpFallback] () => "yes");
            });
        using var client = new HttpClient { BaseAddress = server.Address };
        Assert.Equal((HttpStatusCode)451, (await client.GetAsync("/group/inside?status=FellBack")).StatusCode);
        Assert.Equal((HttpStatusCode)503, (await client.GetAsync("/group/inside?status=Active")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/allowed?status=FellBack")).StatusCode);
    }

    [Fact]
    public async Task OnRejected_SetsAnotherStatusCode_TheBodySaysTheSame()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy(policy => policy.OnRejected = rejected =>
                {
                    rejected.HttpContext.Response.StatusCode = 429;
                    return ValueTask.CompletedTask;
                });
            },
            app => app.MapGet("/strict", () => "yes").RequireMptcp());
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync("/strict");
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        var body = await response.Content.ReadAsStringAsync();
        Assert.Contains("\"status\":429", body, StringComparison.Ordinal);
        Assert.DoesNotContain("15.5.4", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OnRejected_Called_WithEverythingAndMayAnswer(bool answers)
    {
        var seen = new List<MptcpRejectedContext>();
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPolicy(policy =>
                {
                    policy.StatusCode = 503;
                    policy.OnRejected = async rejected =>
                    {
                        seen.Add(rejected);
                        if (answers)
                        {
                            await rejected.HttpContext.Response.WriteAsync("mine");
                        }
                    };
                });
            },
            app => app.MapGet("/strict", () => "yes").RequireMptcp());
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync("/strict");
        var body = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.True(response.Headers.CacheControl?.NoStore);
        var rejected = Assert.Single(seen);
        Assert.Equal((null, MptcpStatus.NotNegotiated, null), (rejected.PolicyName, rejected.Status, rejected.SubflowCount));
        Assert.Contains(answers ? "mine" : rejected.Reason, body);
        Assert.Equal(answers ? "mine" : "application/problem+json", answers ? body : response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public void SubflowTimeout_OutOfRange_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MptcpPolicyOptions { SubflowTimeout = TimeSpan.FromTicks(-1) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new MptcpPolicyOptions { SubflowTimeout = TimeSpan.FromMinutes(2) });
    }

    [Theory]
    [InlineData(399)]
    [InlineData(600)]
    public void StatusCode_NoError_Throws(int statusCode) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MptcpPolicyOptions { StatusCode = statusCode });

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public void MinimumSubflows_ThatCanNeverBe_Throws(int minimum) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MptcpPolicyOptions { MinimumSubflows = minimum });

    private static Task<Server> StartAsync(Setup setup, bool monitorOnly) => Server.StartAsync(
        builder =>
        {
            if (setup is Setup.Plain or Setup.RoutingFirst)
            {
                builder.WebHost.UseMptcp();
            }

            if (setup != Setup.EverythingForgotten)
            {
                builder.Services.AddMptcpPolicy(policy => policy.MonitorOnly = monitorOnly);
            }

            builder.Services.AddControllers().AddApplicationPart(typeof(RequirementTests).Assembly);
            builder.Services.AddSignalR();
        },
        app =>
        {
            if (setup == Setup.RoutingFirst)
            {
                app.UseRouting();
                app.UseMptcpStatusHeader();
                app.UseStatusCodePages();
            }

            app.Use((context, next) =>
            {
                var status = context.Request.Headers[StatusHeader].ToString();
                context.Features.Set<IMptcpFeature>(status == "absent" ? null : new FakeFeature(Enum.Parse<MptcpStatus>(status), 1));
                return next(context);
            });
            app.MapGet("/convention", () => "yes").RequireMptcp();
            app.MapGet("/attribute", [RequireMptcp] () => "yes");
            var group = app.MapGroup("/group").RequireMptcp();
            group.MapGet("/inside", () => "yes");
            group.MapGroup("/inner").MapGet("/inside", () => "yes").RequireMptcp();
            app.MapControllers();
            app.MapHub<StrictHub>("/hub");
        });
}
