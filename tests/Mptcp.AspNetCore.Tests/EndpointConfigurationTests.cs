using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>The <c>Mptcp</c> keys below <c>Kestrel</c>, and their change at run time.</summary>
public sealed class EndpointConfigurationTests
{
    public EndpointConfigurationTests() => Requires.Mptcp();

    [Fact]
    public async Task EndpointDefaults_Mode_AppliesToEndpointsWithoutTheirOwn()
    {
        var ports = Ports.Free(3);
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel =>
                {
                    kestrel.Listen(IPAddress.Loopback, ports[0]);
                    kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, 0) { Mode = MptcpMode.Preferred });
                });
            },
            configuration: new()
            {
                ["Kestrel:EndpointDefaults:Mptcp"] = "Disabled",
                ["Kestrel:Endpoints:Default:Url"] = $"http://127.0.0.1:{ports[1]}",
                ["Kestrel:Endpoints:Own:Url"] = $"http://127.0.0.1:{ports[2]}",
                ["Kestrel:Endpoints:Own:Mptcp"] = "Preferred",
            });
        using var client = new HttpClient(Client.CreateHandler(mptcp: true));
        foreach (var address in server.Addresses)
        {
            var expected = address.Port == ports[0] || address.Port == ports[1] ? "unavailable" : "active";
            Assert.Equal((address, expected), (address, await client.GetStringAsync(address)));
        }
    }

    [Fact]
    public async Task EndpointDefaults_Fallback_ClosesTcp()
    {
        await using var server = await Server.StartAsync(configuration: new() { ["Kestrel:EndpointDefaults:Mptcp:Fallback"] = "Reject" });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        await Assert.ThrowsAsync<HttpRequestException>(() => server.GetStatusAsync(mptcp: false));
    }

    [Fact]
    public async Task EndpointDefaults_GlobalModeDisabled_StaysDisabled()
    {
        await using var server = await Server.StartAsync(
            configuration: new() { ["Mptcp:Mode"] = "Disabled", ["Kestrel:EndpointDefaults:Mptcp"] = "Preferred" });
        Assert.Equal("unavailable", await server.GetStatusAsync(mptcp: true));
    }

    [Theory]
    [InlineData("127.0.0.1", 1)]
    [InlineData("localhost", 2)]
    [InlineData("*", 1)]
    public async Task Reload_MistakeInAnEndpoint_KeepsItsSettingsAndLogsOneError(string host, int listeners)
    {
        var port = Ports.Free(1)[0];
        using var file = new SettingsFile();
        file.Write(Settings("Disabled", 1));
        await using var server = await StartAsync(file);
        Assert.Equal("unavailable", await AskAsync(port));

        file.Write(Settings("Disabeld", 2));
        Assert.Equal("unavailable", await AskAfterRestartAsync(server, 1, port));
        var line = Assert.Single(server.Log.Ours, line => line.Level >= LogLevel.Warning);
        Assert.Equal((LogLevel.Error, 27, "EndpointSettingsKept"), (line.Level, line.Event.Id, line.Event.Name));
        Assert.Contains("Kestrel:Endpoints:A:Mptcp is \"Disabeld\"; allowed are Preferred, Required, Disabled.", line.Message);
        Assert.DoesNotContain(server.Log.All, other => other.Level == LogLevel.Critical);

        // The same mistake is not logged again, the correction applies, and the next mistake is logged.
        file.Write(Settings("Disabeld", 3));
        Assert.Equal("unavailable", await AskAfterRestartAsync(server, 2, port));
        file.Write(Settings("Preferred", 4));
        Assert.Equal("active", await AskAfterRestartAsync(server, 3, port));
        await Wait.UntilAsync(() => server.Log.Ours.Count(other => other.Event.Name == "MptcpOn") == listeners);
        Assert.Single(server.Log.Ours, other => other.Event.Name == "EndpointSettingsKept");
        file.Write(Settings("Disabeld", 5));
        Assert.Equal("active", await AskAfterRestartAsync(server, 4, port));
        Assert.Equal(2, server.Log.Ours.Count(other => other.Event.Name == "EndpointSettingsKept"));

        // The key Round makes the endpoint's section another one, so that Kestrel binds it again.
        object Settings(string mode, int round) => new
        {
            Kestrel = new { Endpoints = new { A = new { Url = $"http://{host}:{port}", Mptcp = mode, Round = round } } },
        };
    }

    [Fact]
    public async Task Reload_MistakeInOneEndpoint_OthersAreBoundAgain()
    {
        var ports = Ports.Free(3);
        using var file = new SettingsFile();
        file.Write(Settings(ports[1], "Disabled"));
        await using var server = await StartAsync(file);

        file.Write(Settings(ports[2], "Disabled,Required"));
        Assert.Equal("unavailable", await AskAfterRestartAsync(server, 1, ports[0]));
        Assert.Equal("active", await AskAfterRestartAsync(server, 1, ports[2]));

        // The listeners that Kestrel stopped are no longer listed.
        Assert.Equal(
            new[] { ports[0], ports[2] }.Order(),
            server.Services.GetRequiredService<BoundListeners>().All.Select(listener => ((IPEndPoint)listener.Facts.EndPoint).Port).Order());

        object Settings(int port, string mode) => new
        {
            Kestrel = new
            {
                Endpoints = new
                {
                    A = new { Url = $"http://127.0.0.1:{ports[0]}", Mptcp = new { Mode = mode } },
                    B = new { Url = $"http://127.0.0.1:{port}" },
                },
            },
        };
    }

    [Fact]
    public async Task Reload_NewEndpointWithAMistake_IsNotServedAndTheReasonIsLogged()
    {
        var ports = Ports.Free(2);
        using var file = new SettingsFile();
        file.Write(new { Kestrel = new { Endpoints = new { A = new { Url = $"http://127.0.0.1:{ports[0]}" } } } });
        await using var server = await StartAsync(file);

        file.Write(new
        {
            Kestrel = new
            {
                Endpoints = new
                {
                    A = new { Url = $"http://127.0.0.1:{ports[0]}" },
                    B = new { Url = $"http://localhost:{ports[1]}", Mptcp = new { Fallback = "Rejct" } },
                },
            },
        });
        await Wait.UntilAsync(() => server.Log.All.Any(line => line.Level == LogLevel.Critical));
        var line = Assert.Single(server.Log.All, line => line.Level == LogLevel.Critical);
        Assert.Contains("Kestrel:Endpoints:B:Mptcp:Fallback is \"Rejct\"; allowed are Accept, Reject.", line.Exception?.Message);
        await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync(ports[1]));
        Assert.Equal("active", await AskAsync(ports[0]));
    }

    private static Task<Server> StartAsync(SettingsFile file) => Server.StartAsync(builder =>
    {
        builder.Configuration.AddJsonFile(file.Path, optional: false, reloadOnChange: true);
        builder.WebHost.UseMptcp();
    });

    private static async Task<string> AskAsync(int port)
    {
        using var client = new HttpClient(Client.CreateHandler(mptcp: true));
        return await client.GetStringAsync($"http://127.0.0.1:{port}/");
    }

    /// <summary>Waits until Kestrel has stopped endpoints as often and serves this one again.</summary>
    private static async Task<string> AskAfterRestartAsync(Server server, int restarts, int port)
    {
        var answer = "";
        await Wait.UntilAsync(
            async () =>
            {
                if (server.Log.All.Count(line => line.Message.StartsWith("Config changed. Starting the following endpoints", StringComparison.Ordinal)) < restarts)
                {
                    return false;
                }

                try
                {
                    answer = await AskAsync(port);
                    return true;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            () => string.Join('\n', server.Log.All.Select(line => line.Message)));
        return answer;
    }

    private sealed class SettingsFile : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mptcp-settings-");

        public string Path => System.IO.Path.Combine(_folder.FullName, "settings.json");

        /// <summary>Replaces the file in one step: a reader never sees half of it.</summary>
        public void Write(object settings)
        {
            File.WriteAllText(Path + ".new", JsonSerializer.Serialize(settings));
            File.Move(Path + ".new", Path, overwrite: true);
        }

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
