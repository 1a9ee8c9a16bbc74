using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class StatusHeaderTests
{
    public StatusHeaderTests() => Requires.Mptcp();

    [Theory]
    [InlineData("GET", "/", 200)]
    [InlineData("GET", "/stream", 200)]
    [InlineData("GET", "/not-modified", 304)]
    [InlineData("GET", "/throws", 500)]
    [InlineData("GET", "/missing", 404)]
    [InlineData("HEAD", "/head", 200)]
    public async Task Header_AnyResponse_IsThereOnce(string method, string path, int status)
    {
        await using var server = await Server.StartAsync(map: Map);
        foreach (var mptcp in new[] { true, false })
        {
            using var client = server.CreateClient(mptcp);
            using var response = await client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
            Assert.Equal(status, (int)response.StatusCode);
            Assert.Equal([mptcp ? "active;subflows=1" : "not-negotiated"], response.Headers.GetValues("Mptcp-Status"));
        }
    }

    [Fact]
    public async Task Header_NotAskedFor_IsAbsent()
    {
        await using var server = await Server.StartAsync();
        using var client = server.CreateClient(mptcp: true);
        using var response = await client.GetAsync("/");
        Assert.False(response.Headers.Contains("Mptcp-Status"));
    }

    [Theory]
    [InlineData(MptcpStatus.Active, "active")]
    [InlineData(MptcpStatus.NotNegotiated, "not-negotiated")]
    [InlineData(MptcpStatus.FellBack, "fell-back")]
    [InlineData(MptcpStatus.Unavailable, "unavailable")]
    [InlineData(MptcpStatus.Unknown, "unknown")]
    [InlineData((MptcpStatus)99, "unknown")]
    public async Task Header_FeatureOfTheApplication_IsItsStatus(MptcpStatus status, string expected)
    {
        await using var server = await Server.StartAsync(map: app =>
        {
            app.Use((context, next) =>
            {
                context.Features.Set<IMptcpFeature>(new FakeFeature(status));
                return next(context);
            });
            app.UseMptcpStatusHeader();
        });
        using var client = server.CreateClient(mptcp: true);
        using var response = await client.GetAsync("/");
        Assert.Equal([expected], response.Headers.GetValues("Mptcp-Status"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Header_StatusKnown_AllocatesNothing(bool mptcp)
    {
        var feature = new TaskCompletionSource<IMptcpFeature>();
        var done = new TaskCompletionSource();
        await using var server = await Server.StartAsync(map: app => app.MapGet("/hold", async (HttpContext context) =>
        {
            feature.SetResult(context.Features.Get<IMptcpFeature>()!);
            await done.Task;
        }));
        using var client = server.CreateClient(mptcp);
        var request = client.GetAsync("/hold");

        var response = new StartableResponse();
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseFeature>(response);
        context.Features.Set(await feature.Task);
        var app = new ApplicationBuilder(new ServiceCollection().BuildServiceProvider());
        app.UseMptcpStatusHeader().Run(_ => Task.CompletedTask);
        var pipeline = app.Build();

        // The same request over and over, so that what is measured is the header and not the server around it.
        await pipeline(context);
        await response.StartAsync();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Assert.True(pipeline(context).IsCompletedSuccessfully);
            Assert.True(response.StartAsync().IsCompletedSuccessfully);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(mptcp ? "active;subflows=1" : "not-negotiated", response.Headers["Mptcp-Status"]);
        done.SetResult();
        (await request).Dispose();
    }

    private static void Map(WebApplication app)
    {
        app.UseMptcpStatusHeader();
        app.UseExceptionHandler(handler => handler.Run(context => context.Response.WriteAsync("sorry")));
        app.MapGet("/stream", async (HttpContext context) =>
        {
            await context.Response.WriteAsync("one");
            await context.Response.Body.FlushAsync();
            await context.Response.WriteAsync("two");
        });
        app.MapGet("/not-modified", () => Results.StatusCode(304));
        app.MapGet("/throws", (Func<string>)(() => throw new InvalidOperationException()));
        app.MapMethods("/head", ["HEAD"], () => Results.Ok());
    }

    /// <summary>Starts when told to, and keeps the callback as Kestrel does: without allocating.</summary>
    private sealed class StartableResponse : HttpResponseFeature
    {
        private Func<object, Task>? _callback;
        private object? _state;

        public override void OnStarting(Func<object, Task> callback, object state) => (_callback, _state) = (callback, state);

        public Task StartAsync() => _callback!(_state!);
    }
}
