using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>A cache in front of a guarded endpoint: an MPTCP client fills it, and a TCP client asks for the same.</summary>
public sealed class CacheTests
{
    public CacheTests() => Requires.Mptcp();

    public enum Registration
    {
        UseMptcp,

        /// <summary>Only what <c>RequireMptcp()</c> and the MVC filter do by themselves. A feature is faked.</summary>
        None,
    }

    /// <summary>Where the caches are in the pipeline.</summary>
    public enum Order
    {
        AfterRouting,
        BeforeRouting,
    }

    public static TheoryData<Registration, Order, string> Guarded
    {
        get
        {
            var data = new TheoryData<Registration, Order, string>();
            foreach (var order in Enum.GetValues<Order>())
            {
                foreach (var path in new[] { "/cache-output", "/base-policy", "/max-age", "/group/max-age", "/cached-controller/output", "/cached-controller/response" })
                {
                    data.Add(Registration.UseMptcp, order, path);
                    data.Add(Registration.None, order, path);
                }

                // Nothing guards these attributes without a registration.
                data.Add(Registration.UseMptcp, order, "/attribute");
                data.Add(Registration.UseMptcp, order, "/max-age-by-attribute");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task Require_CacheFilledOverMptcp_TcpIsRejected(Registration registration, Order order, string path)
    {
        await using var server = await StartAsync(registration, order);
        using var mptcp = CreateClient(server, registration, mptcp: true);
        using var tcp = CreateClient(server, registration, mptcp: false);

        for (var i = 0; i < 2; i++)
        {
            using var response = await mptcp.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.True(response.Headers.CacheControl is { Private: true, Public: false, SharedMaxAge: null }, $"{response.Headers.CacheControl}");
            Assert.Null(response.Headers.Age);
        }

        using var rejected = await tcp.GetAsync(path);
        Assert.Equal(HttpStatusCode.Forbidden, rejected.StatusCode);
        Assert.True(rejected.Headers.CacheControl?.NoStore);
        using var conditional = new HttpRequestMessage(HttpMethod.Get, path);
        conditional.Headers.TryAddWithoutValidation("If-None-Match", "*");
        conditional.Headers.TryAddWithoutValidation("If-None-Match", "\"tag\"");
        using var notModified = await tcp.SendAsync(conditional);
        Assert.Equal(HttpStatusCode.Forbidden, notModified.StatusCode);
    }

    /// <summary>The caches of this test work: without a requirement they answer.</summary>
    [Theory]
    [InlineData("/free/cache-output")]
    [InlineData("/free/max-age")]
    public async Task NoRequirement_SameCaches_Answer(string path)
    {
        await using var server = await StartAsync(Registration.UseMptcp, Order.AfterRouting);
        using var mptcp = CreateClient(server, Registration.UseMptcp, mptcp: true);
        using var tcp = CreateClient(server, Registration.UseMptcp, mptcp: false);
        (await mptcp.GetAsync(path)).EnsureSuccessStatusCode().Dispose();
        using var response = await tcp.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.NotNull(response.Headers.Age);
        Assert.False(response.Headers.CacheControl?.Private ?? false);
    }

    /// <summary>Output caching lets concurrent requests wait for one response and share it.</summary>
    [Theory]
    [InlineData(Order.AfterRouting)]
    [InlineData(Order.BeforeRouting)]
    public async Task Require_TcpWaitsForMptcpRequestInOutputCache_IsRejected(Order order)
    {
        await using var server = await StartAsync(Registration.UseMptcp, order);
        using var mptcp = CreateClient(server, Registration.UseMptcp, mptcp: true);
        using var tcp = CreateClient(server, Registration.UseMptcp, mptcp: false);
        var gate = server.Services.GetRequiredService<Gate>();
        var first = mptcp.GetAsync("/held");
        await gate.Entered.WaitAsync();
        var second = tcp.GetAsync("/held");
        await Wait.UntilAsync(() => gate.Arrived == 2);
        gate.Leave.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await second).StatusCode);
    }

    [Theory]
    [InlineData(Order.AfterRouting)]
    [InlineData(Order.BeforeRouting)]
    public async Task Require_MiddlewareInFrontSetsPublicWhenTheResponseStarts_StaysPrivate(Order order)
    {
        await using var server = await StartAsync(Registration.UseMptcp, order, first: app => app.Use((context, next) =>
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers.CacheControl = "public, max-age=60";
                return Task.CompletedTask;
            });
            return next(context);
        }));
        using var mptcp = CreateClient(server, Registration.UseMptcp, mptcp: true);
        using var response = await mptcp.GetAsync("/max-age");
        Assert.Equal("max-age=60, private", response.Headers.CacheControl?.ToString());
    }

    [Theory]
    [InlineData("/site.txt")]
    [InlineData("/empty")]
    public async Task Require_OtherResponses_ArePrivate(string path)
    {
        await using var server = await StartAsync(Registration.UseMptcp, Order.AfterRouting);
        using var mptcp = CreateClient(server, Registration.UseMptcp, mptcp: true);
        using var response = await mptcp.GetAsync(path);
        Assert.True(response.IsSuccessStatusCode);
        Assert.True(response.Headers.CacheControl?.Private);
    }

    [Fact]
    public async Task Require_ConditionalRequests_AreAnsweredOverMptcpOnly()
    {
        await using var server = await StartAsync(Registration.UseMptcp, Order.AfterRouting);
        foreach (var (mptcp, expected) in new[] { (true, HttpStatusCode.NotModified), (false, HttpStatusCode.Forbidden) })
        {
            using var client = CreateClient(server, Registration.UseMptcp, mptcp);
            using var request = new HttpRequestMessage(HttpMethod.Get, "/site.txt") { Headers = { IfNoneMatch = { new("\"tag\"") } } };
            using var response = await client.SendAsync(request);
            Assert.Equal(expected, response.StatusCode);
            Assert.Equal((mptcp, !mptcp), (response.Headers.CacheControl?.Private, response.Headers.CacheControl?.NoStore));
        }
    }

    /// <summary>A cache would serve the response of a monitored request after the policy begins to reject.</summary>
    [Fact]
    public async Task Require_PolicyBeginsToReject_NothingStoredBeforeIsServed()
    {
        await using var server = await StartAsync(Registration.UseMptcp, Order.AfterRouting, monitorOnly: true);
        using var tcp = CreateClient(server, Registration.UseMptcp, mptcp: false);
        Assert.Equal(HttpStatusCode.OK, (await tcp.GetAsync("/cache-output")).StatusCode);
        server.Services.GetRequiredService<Switch>().MonitorOnly = false;
        server.Services.GetRequiredService<Microsoft.Extensions.Options.IOptionsMonitorCache<MptcpPolicyOptions>>().Clear();
        Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/cache-output")).StatusCode);
    }

    private static HttpClient CreateClient(Server server, Registration registration, bool mptcp)
    {
        var client = registration == Registration.UseMptcp ? server.CreateClient(mptcp) : new HttpClient { BaseAddress = server.Address };
        if (registration == Registration.None)
        {
            client.DefaultRequestHeaders.Add("Fake-Mptcp", $"{mptcp}");
        }

        return client;
    }

    private static Task<Server> StartAsync(Registration registration, Order order, Action<WebApplication>? first = null, bool monitorOnly = false)
    {
        var mode = new Switch { MonitorOnly = monitorOnly };
        return Server.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton(mode).AddSingleton<Gate>();
                builder.Services.Configure<MptcpPolicyOptions>(policy => policy.MonitorOnly = mode.MonitorOnly);
                if (registration == Registration.UseMptcp)
                {
                    builder.WebHost.UseMptcp();
                }

                builder.Services.AddControllers().AddApplicationPart(typeof(CacheTests).Assembly);
                builder.Services.AddResponseCaching();
                builder.Services.AddOutputCache(options => options.AddBasePolicy(policy => policy.With(context =>
                {
                    var path = context.HttpContext.Request.Path;
                    return path.StartsWithSegments("/base-policy") || path.StartsWithSegments("/held");
                })));
            },
            app =>
            {
                app.Use((context, next) =>
                {
                    if (registration == Registration.None)
                    {
                        context.Features.Set<IMptcpFeature>(new FakeFeature(
                            context.Request.Headers["Fake-Mptcp"] == "True" ? Sockets.MptcpStatus.Active : Sockets.MptcpStatus.NotNegotiated));
                    }

                    if (context.Request.Path == "/held")
                    {
                        context.RequestServices.GetRequiredService<Gate>().Arrive();
                    }

                    return next(context);
                });
                first?.Invoke(app);
                if (order == Order.AfterRouting)
                {
                    app.UseRouting();
                }

                app.UseOutputCache();
                app.UseResponseCaching();
                if (order == Order.BeforeRouting)
                {
                    app.UseRouting();
                }

                Map(app);
            });
    }

    private static void Map(WebApplication app)
    {
        app.MapGet("/cache-output", () => "secret").CacheOutput().RequireMptcp();
        app.MapGet("/base-policy", () => "secret").RequireMptcp();
        app.MapGet("/attribute", [OutputCache(Duration = 60)][RequireMptcp] () => "secret");
        app.MapGet("/max-age", Public).RequireMptcp();
        app.MapGet("/max-age-by-attribute", [RequireMptcp] (HttpContext context) => Public(context));
        app.MapGroup("/group").RequireMptcp().MapGet("/max-age", Public);
        app.MapGet("/empty", () => Results.NoContent()).RequireMptcp();
        app.MapGet("/site.txt", () => Results.Bytes("secret"u8.ToArray(), "text/plain", entityTag: new("\"tag\""))).RequireMptcp();
        app.MapGet("/held", async (Gate gate) =>
        {
            gate.Entered.Release();
            await gate.Leave.Task;
            return "secret";
        }).RequireMptcp();
        app.MapGet("/free/cache-output", () => "free").CacheOutput();
        app.MapGet("/free/max-age", Public);
        app.MapControllers();
    }

    private static string Public(HttpContext context)
    {
        context.Response.Headers.CacheControl = "public, max-age=60, s-maxage=120";
        context.Response.Headers.ETag = "\"tag\"";
        return "secret";
    }

    private sealed class Switch
    {
        public bool MonitorOnly { get; set; }
    }

    private sealed class Gate
    {
        private int _arrived;

        public int Arrived => Volatile.Read(ref _arrived);

        public SemaphoreSlim Entered { get; } = new(0);

        public TaskCompletionSource Leave { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Arrive() => Interlocked.Increment(ref _arrived);
    }
}

[Route("cached-controller")]
public sealed class CachedController : ControllerBase
{
    [HttpGet("output")]
    [OutputCache(Duration = 60)]
    [RequireMptcp]
    public IActionResult Output() => Ok("secret");

    [HttpGet("response")]
    [ResponseCache(Duration = 60, Location = ResponseCacheLocation.Any)]
    [RequireMptcp]
    public IActionResult Response60() => Ok("secret");
}
