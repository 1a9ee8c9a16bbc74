using System.Buffers;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
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
    [InlineData("?skip=-1", "skip", "-1", "a number from 0")]
    [InlineData("?skip=1&skip=2", "skip", "1,2", "a number from 0")]
    [InlineData("?take=1001", "take", "1001", "a number from 0 to 1000")]
    [InlineData("?take=all", "take", "all", "a number from 0 to 1000")]
    [InlineData("?paths=maybe", "paths", "maybe", "true, false")]
    [InlineData("?status=<b>", "status", "<b>", "active, not-negotiated, fell-back, unavailable, unknown")]
    public async Task MapMptcpConnections_BadQuery_ProblemNamesParameterValueAndAllowedValues(string query, string parameter, string value, string allowed)
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync("/connections" + query);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(400, problem.GetProperty("status").GetInt32());
        Assert.Equal($"The query parameter {parameter} is \"{value}\". Allowed: {allowed}.", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task MapMptcpConnections_IPv4ClientOfADualStackListener_WrittenAsIPv4()
    {
        Requires.IPv6();
        var port = Ports.Free(1)[0];
        await using var server = await StartAsync(builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.IPv6Any, port)));
        using var socket = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), mptcp: true);
        await RequestAsync(socket);
        using var client = new HttpClient(Client.CreateHandler(mptcp: false));
        var page = await client.GetFromJsonAsync<JsonElement>($"http://127.0.0.1:{port}/connections?take=1");
        var connection = Assert.Single(page.GetProperty("connections").EnumerateArray());
        Assert.Equal($"127.0.0.1:{port}", connection.GetProperty("local").GetString());
        Assert.Equal(socket.LocalEndPoint!.ToString()!.Replace("::ffff:", "", StringComparison.Ordinal), connection.GetProperty("remote").GetString());
    }

    [Fact]
    public async Task MapMptcpConnections_Paths_ShownWithRoundTripTimeAndBytesAndWithoutToken()
    {
        await using var server = await StartAsync();
        using var socket = await Client.ConnectAsync(server.EndPoint, mptcp: true);
        using var plain = await Client.ConnectAsync(server.EndPoint, mptcp: false);
        await RequestAsync(socket);
        await RequestAsync(plain);
        using var client = server.CreateClient(mptcp: false);

        Assert.All(
            (await client.GetFromJsonAsync<JsonElement>("/connections")).GetProperty("connections").EnumerateArray(),
            connection => Assert.False(connection.TryGetProperty("paths", out _)));

        var text = await client.GetStringAsync("/connections?paths=true&take=2");
        var connections = JsonDocument.Parse(text).RootElement.GetProperty("connections").EnumerateArray().ToArray();
        var path = Assert.Single(connections[0].GetProperty("paths").EnumerateArray());
        Assert.Equal(server.EndPoint.ToString(), path.GetProperty("local").GetString());
        Assert.Equal(socket.LocalEndPoint!.ToString(), path.GetProperty("remote").GetString());
        Assert.Equal("established", path.GetProperty("state").GetString());
        Assert.InRange(path.GetProperty("roundTripTimeMs").GetDouble(), 0.001, 60_000);
        Assert.InRange(path.GetProperty("bytesReceived").GetInt64(), 20, 1000);
        Assert.InRange(path.GetProperty("bytesSent").GetInt64(), 20, 1000);
        Assert.False(path.GetProperty("looksDead").GetBoolean());
        Assert.Empty(connections[1].GetProperty("paths").EnumerateArray());

        Assert.DoesNotContain("token", text, StringComparison.OrdinalIgnoreCase);
        var listed = server.Services.GetRequiredService<IMptcpConnections>().GetSnapshot()[0];
        Assert.True(listed.Mptcp.TryGetInfo(out var info));
        Assert.NotEqual(0u, info.Token);
        Assert.DoesNotContain($"{info.Token}", text);
    }

    [Fact]
    public async Task Write_PathsAreWatched_BackupPathIsMarked()
    {
        Requires.Namespaces();
        await using var network = await MultipathNetwork.CreateAsync(links: 2, pathOpening: PathOpening.None);
        await using var server = await MultipathServer.StartAsync(network, watchPaths: true);
        using var client = new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) };
        Assert.Equal("active", await client.GetStringAsync("/"));
        var second = network.Links[1];
        await network.Client.ConfigureAsync([$"mptcp endpoint add {second.ClientAddress} dev {second.DeviceName} subflow backup"]);

        JsonElement[] paths = [];
        await Wait.UntilAsync(() => (paths = GetPaths()).Any(path => path.TryGetProperty("backup", out _)));
        Assert.Equal(2, paths.Length);
        var backup = paths.Single(path => path.GetProperty("remote").GetString()!.StartsWith($"{second.ClientAddress}:", StringComparison.Ordinal));
        Assert.True(backup.GetProperty("backup").GetBoolean());
        Assert.False(paths.Single(path => path.GetRawText() != backup.GetRawText()).TryGetProperty("backup", out var first) && first.GetBoolean());

        // The client changes its mind.
        await network.Client.ConfigureAsync([$"mptcp endpoint change {second.ClientAddress} dev {second.DeviceName} nobackup"]);
        await Wait.UntilAsync(() => GetPaths().All(path => !path.TryGetProperty("backup", out var isBackup) || !isBackup.GetBoolean()));

        JsonElement[] GetPaths()
        {
            var body = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(body))
            {
                ConnectionJson.Write(json, Assert.Single(server.Services.GetRequiredService<IMptcpConnections>().GetSnapshot()), paths: true);
            }

            return [.. JsonDocument.Parse(body.WrittenMemory).RootElement.GetProperty("paths").EnumerateArray()];
        }
    }

    /// <summary>No request makes a large server ask all of its connections.</summary>
    [Fact]
    public async Task MapMptcpConnections_StatusThatNoConnectionHas_ExaminesOneThousandAtMost()
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        await client.GetStringAsync("/");
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var services = server.Services.GetRequiredService<ConnectionServices>();
        var entries = Enumerable.Range(0, 15_000).Select(i => new ConnectionEntry(socket, openedAsMptcp: false, new DefaultConnectionContext($"{i}"), services)).ToArray();
        Array.ForEach(entries, services.Connections.Add);

        Assert.Equal((15_001, 1000, 0), await GetAsync("?status=active"));
        Assert.Equal((15_001, null, 0), await GetAsync("?status=active&skip=14500"));
        Assert.Equal((15_001, 14_010, 10), await GetAsync($"?status={((IMptcpFeature)entries[0]).Status.ToToken()}&skip=14000&take=10"));
        Assert.Equal((15_001, null, 0), await GetAsync("?take=0"));
        Assert.Equal((15_001, null, 0), await GetAsync("?status=unknown&take=0"));
        Assert.Equal((15_001, 8000, 1000), await GetAsync("?skip=7000&take=1000"));
        Assert.Equal((15_001, null, 1), await GetAsync("?skip=15000"));
        Array.ForEach(entries, services.Connections.Remove);

        async Task<(int Total, int? Next, int Count)> GetAsync(string query)
        {
            var page = await client.GetFromJsonAsync<JsonElement>("/connections" + query);
            return (page.GetProperty("total").GetInt32(), page.TryGetProperty("next", out var next) ? next.GetInt32() : null, page.GetProperty("connections").GetArrayLength());
        }
    }

    [Fact]
    public async Task MapMptcpConnections_Status_ListsOnlyConnectionsThatHaveIt()
    {
        await using var server = await StartAsync();
        var sockets = new List<Socket>();
        for (var i = 0; i < 6; i++)
        {
            sockets.Add(await Client.ConnectAsync(server.EndPoint, mptcp: i % 2 == 1));
            await RequestAsync(sockets[^1]);
        }

        using var client = server.CreateClient(mptcp: false);
        Assert.Equal((int[])[1, 3, 5], await GetAsync("?status=active"));
        Assert.Equal((int[])[0, 2, 4], (await GetAsync("?status=not-negotiated")).Where(i => i >= 0));
        Assert.Empty(await GetAsync("?status=fell-back"));

        // The next page begins where this one ended.
        Assert.Equal((int[])[1, 3], await GetAsync("?status=active&take=2", next: 4));
        Assert.Equal((int[])[5], await GetAsync("?status=active&take=2&skip=4"));
        Assert.Equal((int[])[0, 1], await GetAsync("?take=2", next: 2));
        sockets.ForEach(socket => socket.Dispose());

        async Task<int[]> GetAsync(string query, int? next = null)
        {
            var page = await client.GetFromJsonAsync<JsonElement>("/connections" + query);
            Assert.Equal(next, page.TryGetProperty("next", out var value) ? value.GetInt32() : null);
            return
            [
                .. page.GetProperty("connections").EnumerateArray().Select(connection =>
                    sockets.FindIndex(socket => socket.LocalEndPoint!.ToString() == connection.GetProperty("remote").GetString())),
            ];
        }
    }

    [Fact]
    public async Task MapMptcpConnections_Response_IsJsonThatBrowsersDoNotSniff()
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync("/connections");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
        Assert.Equal("no-store", $"{response.Headers.CacheControl}");
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

    private static Task<Server> StartAsync(Action<WebApplicationBuilder>? configure = null) => Server.StartAsync(
        builder =>
        {
            builder.WebHost.UseMptcp();
            configure?.Invoke(builder);
        },
        app => app.MapMptcpConnections("/connections").AllowAnonymous());

    private static async Task RequestAsync(Socket socket)
    {
        await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        await socket.ReceiveAsync(new byte[1024]);
    }
}
