using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>What those get who are turned away.</summary>
public sealed class RejectionTests
{
    public RejectionTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reject_WithAndWithoutProblemDetails_SaysWhatAndWhy(bool addProblemDetails)
    {
        await using var server = await StartAsync(addProblemDetails);
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync("/strict");

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.True(response.Headers.CacheControl?.NoStore);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("Multipath TCP required", problem.GetProperty("title").GetString());
        Assert.Equal(403, problem.GetProperty("status").GetInt32());
        Assert.Equal("not-negotiated", problem.GetProperty("mptcpStatus").GetString());
        Assert.Contains("did not offer Multipath TCP", problem.GetProperty("detail").GetString());
        Assert.Equal("https://tools.ietf.org/html/rfc9110#section-15.5.4", problem.GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("text/html")]
    [InlineData("application/json")]
    public async Task Reject_ClientThatAcceptsOtherThings_StillRejected(string accept)
    {
        await using var server = await StartAsync(addProblemDetails: true);
        using var client = server.CreateClient(mptcp: false);
        client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        using var response = await client.GetAsync("/strict");
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Reject_BehindBufferingMiddleware_HasItsBody()
    {
        var length = 0L;
        await using var server = await StartAsync(first: app => app.Use(async (context, next) =>
        {
            var body = context.Response.Body;
            using var buffer = new MemoryStream();
            context.Response.Body = buffer;
            await next(context);
            length = buffer.Length;
            context.Response.Body = body;
        }));
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync("/strict");
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.True(length > 100);
    }

    [Fact]
    public async Task Reject_Head_HasNoBody()
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/strict"));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    private static Task<Server> StartAsync(bool addProblemDetails = false, Action<WebApplication>? first = null) => Server.StartAsync(
        builder =>
        {
            builder.WebHost.UseMptcp();
            if (addProblemDetails)
            {
                builder.Services.AddProblemDetails();
            }
        },
        app =>
        {
            first?.Invoke(app);
            app.MapMethods("/strict", ["GET", "HEAD"], () => "yes").RequireMptcp();
        });
}
