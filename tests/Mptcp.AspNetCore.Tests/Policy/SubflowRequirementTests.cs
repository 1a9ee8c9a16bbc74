using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>A requirement of two paths: the second one joins after the first request.</summary>
[Collection(nameof(MultipathTests))]
public sealed class SubflowRequirementTests
{
    public SubflowRequirementTests() => Requires.Namespaces();

    [Fact]
    public async Task MinimumSubflows_FreshClientsWithTwoPaths_AreServed()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2);
        await using var server = await StartAsync(network);
        for (var i = 0; i < 20; i++)
        {
            using var client = new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) };
            using var response = await client.GetAsync("/two-paths");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task MinimumSubflows_ClientWithOnePath_IsRejectedAndLearnsWhatIsMissing()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 1);
        await using var server = await StartAsync(network);
        using var client = new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) };
        using var response = await client.GetAsync("/two-paths");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("At least 2 Multipath TCP paths required", problem.GetProperty("title").GetString());
        Assert.Equal("active", problem.GetProperty("mptcpStatus").GetString());
        Assert.Contains("the connection has 1", problem.GetProperty("detail").GetString());
    }

    private static Task<Server> StartAsync(MultipathNetwork network) => Server.StartAsync(
        builder =>
        {
            builder.WebHost.UseMptcp();
            builder.Services.AddMptcpPolicy("two", policy => (policy.MinimumSubflows, policy.StatusCode) = (2, StatusCodes.Status503ServiceUnavailable));
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, 0));
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => network.Server.Run(() =>
            {
                var socket = MptcpSocket.Create(endPoint.AddressFamily);
                socket.Bind(endPoint);
                return socket;
            }));
        },
        app => app.MapGet("/two-paths", () => "yes").RequireMptcp("two"));
}
