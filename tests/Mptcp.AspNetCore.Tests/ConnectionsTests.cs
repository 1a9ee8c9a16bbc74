using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class ConnectionsTests
{
    public ConnectionsTests() => Requires.Mptcp();

    [Fact]
    public async Task MapMptcpConnections_MixedConnections_PagesWithStatusAndFigures()
    {
        await using var server = await Server.StartAsync(map: app => app.MapMptcpConnections("/connections").AllowAnonymous());
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        using var client = server.CreateClient(mptcp: false);
        await client.GetStringAsync("/");
        var sockets = new List<Socket>();
        for (var i = 0; i < 6; i++)
        {
            var socket = await Client.ConnectAsync(server.EndPoint, mptcp: i % 2 == 0);
            await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            await socket.ReceiveAsync(new byte[1024]);
            sockets.Add(socket);
        }

        var page = await client.GetFromJsonAsync<JsonElement>("/connections?skip=1&take=4");
        Assert.Equal((7, 1), (page.GetProperty("total").GetInt32(), page.GetProperty("skip").GetInt32()));
        var connections = page.GetProperty("connections").EnumerateArray().ToArray();
        Assert.Equal(
            sockets.Take(4).Select(socket => socket.LocalEndPoint!.ToString()), connections.Select(connection => connection.GetProperty("remote").GetString()));
        Assert.Equal(
            ["active", "not-negotiated", "active", "not-negotiated"], connections.Select(connection => connection.GetProperty("status").GetString()));
        Assert.All(connections, connection =>
        {
            Assert.Equal(server.EndPoint.ToString(), connection.GetProperty("local").GetString());
            Assert.InRange(connection.GetProperty("since").GetDateTimeOffset(), before, DateTimeOffset.UtcNow.AddSeconds(1));
            Assert.NotEmpty(connection.GetProperty("id").GetString()!);
            var isActive = connection.GetProperty("status").GetString() == "active";
            Assert.Equal(isActive, connection.TryGetProperty("subflows", out var subflows) && subflows.GetInt32() == 1);
            Assert.Equal(isActive, connection.TryGetProperty("bytesReceived", out var received) && received.GetInt64() > 20);
        });

        sockets.ForEach(socket => socket.Dispose());
        Assert.Empty((await client.GetFromJsonAsync<JsonElement>("/connections?skip=100")).GetProperty("connections").EnumerateArray());
    }

    [Theory]
    [InlineData("?skip=-1")]
    [InlineData("?take=1001")]
    [InlineData("?take=all")]
    public async Task MapMptcpConnections_WrongPage_IsBadRequest(string query)
    {
        await using var server = await Server.StartAsync(map: app => app.MapMptcpConnections("/connections").AllowAnonymous());
        using var client = server.CreateClient(mptcp: false);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.GetAsync("/connections" + query)).StatusCode);
    }

    [Fact]
    public async Task MapMptcpConnections_Production_IsClosedAndSaysWhy()
    {
        await using var server = await Server.StartAsync(map: app => app.MapMptcpConnections("/connections"));
        using var client = server.CreateClient(mptcp: false);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/connections")).StatusCode);
        Assert.Contains(server.Log.Ours, line => line.Message.Contains("Add RequireAuthorization() to MapMptcpConnections", StringComparison.Ordinal));
    }

    [Fact]
    public async Task GetSnapshot_Connection_IsLive()
    {
        await using var server = await Server.StartAsync();
        var connections = server.Services.GetRequiredService<IMptcpConnections>();
        using var socket = await Client.ConnectAsync(server.EndPoint, mptcp: true);
        await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await socket.ReceiveAsync(new byte[1024]);
        var listed = Assert.Single(connections.GetSnapshot());
        Assert.Equal((MptcpStatus.Active, 1), (listed.Mptcp.Status, listed.SubflowCount));
        Assert.Single(listed.Mptcp.GetSubflows());
    }
}
