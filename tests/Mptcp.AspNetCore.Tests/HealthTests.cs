using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class HealthTests
{
    [Theory]
    [InlineData(MptcpMode.Preferred, true, HealthStatus.Healthy, "can open Multipath TCP sockets")]
    [InlineData(MptcpMode.Required, true, HealthStatus.Healthy, "can open Multipath TCP sockets")]
    [InlineData(MptcpMode.Disabled, true, HealthStatus.Healthy, "disabled by configuration")]
    [InlineData(MptcpMode.Preferred, false, HealthStatus.Degraded, "sysctl -w net.mptcp.enabled=1")]
    [InlineData(MptcpMode.Required, false, HealthStatus.Unhealthy, "sysctl -w net.mptcp.enabled=1")]
    [InlineData(MptcpMode.Disabled, false, HealthStatus.Healthy, "disabled by configuration")]
    public async Task CheckHealth_ModeAndHost_IsWhatItMeans(MptcpMode mode, bool hostCan, HealthStatus expected, string says)
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/mptcp/enabled", hostCan ? "1" : "0");
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp(options => options.Mode = mode);
            builder.Services.AddHealthChecks().AddMptcp();
        });

        // The check asks in the namespace of the thread that runs it, and the service would run it on another.
        var check = Assert.Single(server.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations);
        Assert.Equal("mptcp", check.Name);
        var entry = host.Run(() =>
            check.Factory(server.Services).CheckHealthAsync(new HealthCheckContext { Registration = check }).GetAwaiter().GetResult());
        Assert.Equal(expected, entry.Status);
        Assert.Contains(says, entry.Description);
        Assert.Equal((mode.ToString(), 1), (entry.Data["mode"], entry.Data["listeners"]));
        Assert.Equal(mode == MptcpMode.Disabled ? 0 : 1, entry.Data["listenersWithMptcp"]);
    }

    [Theory]
    [InlineData("Mptcp:Mode")]
    [InlineData("Kestrel:EndpointDefaults:Mptcp")]
    public async Task CheckHealth_DisabledWhileEndpointsRequireMptcp_IsDegradedAndNamesThem(string key)
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddHealthChecks().AddMptcp();
            },
            app => app.MapGet("/strict", () => "yes").RequireMptcp(),
            new() { [key] = "Disabled" });
        var entry = Assert.Single((await server.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries).Value;
        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Contains("HTTP: GET /strict", entry.Description);
        Assert.Single(server.Log.Ours, line => line.Event.Name == "EndpointsRejectEveryRequest");
    }

    [Fact]
    public async Task CheckHealth_UnixSocketBeside_IsNoMatter()
    {
        Requires.Mptcp();
        using var folder = new DownloadFolder();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0);
                kestrel.ListenUnixSocket(folder.PathOf("s"));
            });
            builder.Services.AddHealthChecks().AddMptcp();
        });
        var report = await server.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        var entry = Assert.Single(report.Entries).Value;
        Assert.Equal(HealthStatus.Healthy, entry.Status);
        Assert.Equal((1, 1), (entry.Data["listeners"], entry.Data["listenersWithMptcp"]));
    }

    [Fact]
    public async Task CheckHealth_ListenerThatIsTcp_IsDegradedWithTheReason()
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint =>
            {
                var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(endPoint);
                return socket;
            });
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            builder.Services.AddHealthChecks().AddMptcp("paths", tags: ["ready"]);
        });
        var report = await server.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Tags.Contains("ready"));
        Assert.Equal(HealthStatus.Degraded, report.Entries["paths"].Status);
        Assert.Contains("plain TCP", report.Entries["paths"].Description);
    }

    [Fact]
    public async Task CheckHealth_UseMptcpForgotten_IsDegradedWithTheRemedy()
    {
        await using var server = await Server.StartAsync(builder => builder.Services.AddHealthChecks().AddMptcp());
        var entry = await CheckAsync(server);
        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Contains("Call builder.WebHost.UseMptcp()", entry.Description);
        Assert.Equal(0, entry.Data["listeners"]);
    }

    [Theory]
    [InlineData(MptcpMode.Preferred, HealthStatus.Degraded, "another transport")]
    [InlineData(MptcpMode.Disabled, HealthStatus.Healthy, "disabled by configuration")]
    public async Task CheckHealth_NothingIsBoundByOurTransport_IsDegradedUnlessDisabled(MptcpMode mode, HealthStatus expected, string says)
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp(options => options.Mode = mode);
            builder.Services.AddHealthChecks().AddMptcp();

            // Kestrel asks the transport first that was registered last.
            builder.Services.AddSingleton<IConnectionListenerFactory, SocketTransportFactory>();
        });
        var entry = await CheckAsync(server);
        Assert.Equal(expected, entry.Status);
        Assert.Contains(says, entry.Description);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CheckHealth_ListeningSocketLost_IsUnhealthyAndNamesIt(bool shutDown)
    {
        Requires.Mptcp();
        var sockets = new List<Socket>();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.UseSockets(options => options.CreateBoundListenSocket = endPoint =>
            {
                var socket = MptcpSocket.Create(endPoint.AddressFamily);
                socket.Bind(endPoint);
                sockets.Add(socket);
                return socket;
            });
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0);
                kestrel.Listen(IPAddress.Loopback, 0);
            });
            builder.Services.AddHealthChecks().AddMptcp();
        });
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(server)).Status);

        // As another process does that has inherited the socket.
        var lost = sockets[1].LocalEndPoint!.ToString()!;
        if (shutDown)
        {
            sockets[1].Shutdown(SocketShutdown.Both);
        }
        else
        {
            sockets[1].Dispose();
        }

        await Wait.UntilAsync(async () => (await CheckAsync(server)).Status == HealthStatus.Unhealthy);
        var entry = await CheckAsync(server);
        Assert.Contains(lost, entry.Description);
        Assert.Contains("Restart the application.", entry.Description);
        Assert.Equal((2, 1), (entry.Data["listeners"], entry.Data["listenersLost"]));
    }

    [Fact]
    public async Task CheckHealth_ServerStopped_NothingIsListedAndItIsHealthy()
    {
        Requires.Mptcp();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.Services.AddHealthChecks().AddMptcp();
        });
        var check = server.Services.GetRequiredService<HealthCheckService>();
        await server.StopAsync();
        var entry = Assert.Single((await check.CheckHealthAsync()).Entries).Value;
        Assert.Equal((HealthStatus.Healthy, 0, 0), (entry.Status, entry.Data["listeners"], entry.Data["listenersLost"]));
    }

    private static async Task<HealthReportEntry> CheckAsync(Server server) =>
        Assert.Single((await server.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries).Value;
}
