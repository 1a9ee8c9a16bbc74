using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class RegistrationTests
{
    public RegistrationTests() => Requires.Mptcp();

    public static TheoryData<string, Action<IWebHostBuilder>> Orders => new()
    {
        { "before", host => host.UseMptcp().UseKestrel() },
        { "after", host => host.UseKestrel().UseMptcp() },
        { "core", host => host.UseKestrelCore().UseMptcp() },
        { "before sockets", host => host.UseMptcp().UseSockets().UseKestrel() },
        { "twice", host => host.UseMptcp().UseKestrel().UseMptcp(options => options.Mode = MptcpMode.Required) },
    };

    [Theory]
    [MemberData(nameof(Orders))]
    public async Task UseMptcp_AnyOrder_ServesBothAndIsRegisteredOnce(string order, Action<IWebHostBuilder> configure)
    {
        Assert.NotEmpty(order);
        using var host = new HostBuilder()
            .ConfigureWebHost(web =>
            {
                configure(web);
                web.UseUrls("http://127.0.0.1:0").ConfigureServices(services => services.AddRouting());
                web.Configure(app => app.UseRouting().UseEndpoints(endpoints =>
                    endpoints.MapGet("/", (HttpContext context) => context.Features.Get<IMptcpFeature>()?.Status.ToToken() ?? "absent")));
            })
            .Build();
        await host.StartAsync();
        var address = host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

        using var mptcp = new HttpClient(Client.CreateHandler(mptcp: true));
        using var tcp = new HttpClient(Client.CreateHandler(mptcp: false));
        Assert.Equal("active", await mptcp.GetStringAsync(address));
        Assert.Equal("not-negotiated", await tcp.GetStringAsync(address));
        Assert.Single(host.Services.GetServices<IConnectionListenerFactory>(), factory => factory.GetType().Assembly == typeof(IMptcpFeature).Assembly);
        await host.StopAsync();
    }

    [Fact]
    public async Task UseMptcp_SlimBuilder_ServesBoth()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").UseMptcp();
        await using var app = builder.Build();
        app.Run(context => context.Response.WriteAsync(context.Features.Get<IMptcpFeature>()!.Status.ToToken()));
        await app.StartAsync();
        using var mptcp = new HttpClient(Client.CreateHandler(mptcp: true));
        Assert.Equal("active", await mptcp.GetStringAsync(app.Urls.Single()));
    }

    [Theory]
    [InlineData(true, "active", "not-negotiated")]
    [InlineData(false, "unavailable", "unavailable")]
    public async Task UseMptcp_ApplicationOpensTheListeningSocket_ItsSocketIsUsed(bool isMptcp, string forMptcpClient, string forTcpClient)
    {
        Socket? own = null;
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint =>
            {
                own = isMptcp
                    ? MptcpSocket.Create(endPoint.AddressFamily)
                    : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                own.Bind(endPoint);
                return own;
            });
        });
        Assert.Equal(server.EndPoint, own?.LocalEndPoint);
        Assert.Equal(forMptcpClient, await server.GetStatusAsync(mptcp: true));
        Assert.Equal(forTcpClient, await server.GetStatusAsync(mptcp: false));
    }

    [Fact]
    public async Task UseMptcp_SocketTransportOptions_AreHonoured()
    {
        var noDelay = new TaskCompletionSource<bool>();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseSockets(sockets =>
            {
                sockets.NoDelay = false;
                sockets.Backlog = 7;
            });
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(next => connection =>
            {
                noDelay.TrySetResult(connection.Features.Get<IConnectionSocketFeature>()!.Socket.NoDelay);
                return next(connection);
            })));
        });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        Assert.False(await noDelay.Task);

        Requires.Programs("ss");
        var listening = await TestNetwork.Command.RunCheckedAsync("ss", "-MlnH", $"sport = :{server.EndPoint.Port}");
        Assert.Equal("7", listening.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]);
    }

    [Fact]
    public async Task UseMptcp_KestrelsPinnedMemoryPool_IsKept()
    {
        var pool = new TaskCompletionSource<string>();
        await using var stock = await StartAndTellPoolAsync(builder => { });
        var expected = await pool.Task;
        pool = new TaskCompletionSource<string>();
        await using var ours = await StartAndTellPoolAsync(builder => builder.WebHost.UseMptcp());
        Assert.Contains("Pinned", expected);
        Assert.Equal(expected, await pool.Task);

        async Task<Server> StartAndTellPoolAsync(Action<WebApplicationBuilder> configure)
        {
            var server = await Server.StartAsync(configure, app => app.MapGet("/pool", (HttpContext context) =>
                pool.TrySetResult(context.Features.Get<Microsoft.AspNetCore.Connections.Features.IMemoryPoolFeature>()!.MemoryPool.GetType().Name)));
            using var client = server.CreateClient(mptcp: false);
            await client.GetStringAsync("/pool");
            return server;
        }
    }

    [Fact]
    public void CanBind_EndPointsOfOthers_AreLeftToThem()
    {
        using var host = new HostBuilder()
            .ConfigureWebHost(web => web.UseKestrel().UseMptcp().Configure(_ => { })).Build();
        var factory = (IConnectionListenerFactorySelector)host.Services.GetServices<IConnectionListenerFactory>().Last();
        Assert.True(factory.CanBind(new IPEndPoint(IPAddress.Loopback, 0)));
        Assert.True(factory.CanBind(new MptcpEndPoint(IPAddress.Loopback, 0)));
        Assert.True(factory.CanBind(new UnixDomainSocketEndPoint("/x")));
        Assert.True(factory.CanBind(new FileHandleEndPoint(3, FileHandleType.Auto)));
        Assert.False(factory.CanBind(new SomebodysEndPoint()));
        Assert.False(factory.CanBind(new DnsEndPoint("example.com", 80)));
    }

    [Fact]
    public void UseMptcp_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => WebHostBuilderMptcpExtensions.UseMptcp(null!));
        Assert.Throws<ArgumentNullException>(() => WebApplication.CreateBuilder().WebHost.UseMptcp(null!));
        Assert.Throws<ArgumentNullException>(() => MptcpApplicationBuilderExtensions.UseMptcpStatusHeader(null!));
    }

    private sealed class SomebodysEndPoint() : IPEndPoint(IPAddress.Loopback, 1);

    /// <summary>By this .NET chooses recv, where it would choose the dearer recvmsg for a protocol that it has no name for.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task UseMptcp_Connection_IsTcpToDotNetAsAtKestrelsOwn(bool mptcp)
    {
        await using var server = await Server.StartAsync(map: app => app.MapGet(
            "/protocol", (HttpContext context) => $"{context.Features.Get<IConnectionSocketFeature>()!.Socket.ProtocolType}"));
        using var client = server.CreateClient(mptcp);
        Assert.Equal("Tcp", await client.GetStringAsync("/protocol"));
    }
}
