using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

public sealed class ConnectionFactoryTests : IDisposable
{
    private readonly LogRecorder _log = new();

    public ConnectionFactoryTests() => Requires.Mptcp();

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData(true, MptcpStatus.Active)]
    [InlineData(false, MptcpStatus.FellBack)]
    public async Task ConnectAsync_Echo_BytesIntactStatusRightAndClosedInOrder(bool mptcp, MptcpStatus expected)
    {
        using var listener = Listen(mptcp);
        await using var services = Build();
        var factory = Assert.IsType<MptcpConnectionFactory>(services.GetRequiredService<IConnectionFactory>());
        await using var connection = await factory.ConnectAsync(listener.LocalEndPoint!);
        var echo = EchoAsync(listener);

        var feature = connection.Features.Get<IMptcpFeature>()!;
        Assert.Equal(expected, feature.Status);
        Assert.Equal(mptcp ? 1 : 0, feature.GetSubflows().Count);
        Assert.Equal(mptcp, feature.TryGetInfo(out _));
        Assert.Equal(listener.LocalEndPoint, connection.RemoteEndPoint is IPEndPoint remote ? new IPEndPoint(remote.Address.MapToIPv4(), remote.Port) : null);

        var sent = Blocks.Of(20 * Blocks.Size).SelectMany(block => block.ToArray()).ToArray();
        var receiving = ReadAsync(connection.Transport.Input, sent.Length);
        await connection.Transport.Output.WriteAsync(sent);
        Assert.Equal(sent, await receiving);
        await connection.Transport.Output.CompleteAsync();

        // The listener saw an end and no reset.
        Assert.Equal(sent.Length, await echo);
        await connection.DisposeAsync();
        Assert.Equal(expected, feature.Status);
        Assert.Empty(feature.GetSubflows());
    }

    [Fact]
    public async Task ConnectAsync_FellBackAndAskedOften_OneDebugLine()
    {
        using var tcp = Listen(mptcp: false);
        using var mptcp = Listen(mptcp: true);
        await using var services = Build();
        var factory = services.GetRequiredService<IConnectionFactory>();
        foreach (var listener in new[] { tcp, mptcp })
        {
            await using var connection = await factory.ConnectAsync(listener.LocalEndPoint!);
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(listener == tcp ? MptcpStatus.FellBack : MptcpStatus.Active, connection.Features.Get<IMptcpFeature>()!.Status);
            }

            if (listener == tcp)
            {
                var line = Assert.Single(_log.Ours, line => line.Event.Id == 5);
                Assert.Equal((LogLevel.Debug, "NotMptcp"), (line.Level, line.Event.Name));
                Assert.Contains($"\"{connection.ConnectionId}\" does not use Multipath TCP: the connection fell back to TCP", line.Message);
            }
        }

        Assert.Single(_log.Ours, line => line.Event.Id == 5);
        Assert.Collection(
            _log.Ours.Where(line => line.Event.Id == 17),
            line => Assert.Matches($"^IConnectionFactory connected to {tcp.LocalEndPoint} over TCP, as a fallback, in [0-9]+ ms\\.$", line.Message),
            line => Assert.Matches($"^IConnectionFactory connected to {mptcp.LocalEndPoint} over Multipath TCP in [0-9]+ ms\\.$", line.Message));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ConnectAsync_LogThrows_ConnectionAndStatusAreThere(bool throwsWhenAsked)
    {
        using var listener = Listen(mptcp: false);
        using var log = new BrokenLog(throwsWhenAsked);
        var attempts = 0;
        using var loggerFactory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        using var factory = new MptcpConnectionFactory(
            Options.Create(new MptcpConnectOptions { AttemptCompleted = _ => attempts++ }), loggerFactory);
        await using var connection = await factory.ConnectAsync(listener.LocalEndPoint!);
        var echo = EchoAsync(listener);
        Assert.Equal(MptcpStatus.FellBack, connection.Features.Get<IMptcpFeature>()!.Status);
        await connection.Transport.Output.WriteAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await ReadAsync(connection.Transport.Input, 5));
        await connection.Transport.Output.CompleteAsync();
        Assert.Equal(5, await echo);
        Assert.Equal(1, attempts);
        Assert.True(log.Asked >= 2, $"It was asked {log.Asked} times.");
    }

    [Fact]
    public async Task ConnectAsync_CancelledWhileNobodyAnswers_OneLineAndNoSocketLeft()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        using var queued = await Client.ConnectAsync(silent.LocalEndPoint!, mptcp: false);
        Socket? opened = null;
        await using var services = Build(options => options.ConfigureSocket = socket => opened = socket);
        using var cancellation = new CancellationTokenSource();
        var connecting = services.GetRequiredService<IConnectionFactory>().ConnectAsync(silent.LocalEndPoint!, cancellation.Token).AsTask();
        Assert.False(connecting.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        Assert.True(opened!.SafeHandle.IsClosed);
        var line = Assert.Single(_log.Ours);
        Assert.Equal((19, LogLevel.Debug), (line.Event.Id, line.Level));
        Assert.Matches($"^The attempt of IConnectionFactory to connect to {silent.LocalEndPoint} was given up after [0-9]+ ms\\.$", line.Message);
    }

    [Fact]
    public async Task ConnectAsync_HostWithoutMptcp_TcpAndOneWarningWithTheRemedy()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/mptcp/enabled", "0");
        using var listener = host.Run(() => Listen(mptcp: false));
        await using var services = Build();
        var factory = services.GetRequiredService<IConnectionFactory>();
        for (var i = 0; i < 3; i++)
        {
            // The socket is opened before the first await, on the thread that is on that host.
            await using var connection = await host.Run(() => factory.ConnectAsync(listener.LocalEndPoint!).AsTask());
            Assert.Equal(MptcpStatus.Unavailable, connection.Features.Get<IMptcpFeature>()!.Status);
        }

        var line = Assert.Single(_log.Ours, line => line.Level >= LogLevel.Information);
        Assert.Equal((20, LogLevel.Warning), (line.Event.Id, line.Level));
        Assert.StartsWith("Clients connect over TCP. ", line.Message, StringComparison.Ordinal);
        Assert.Contains("sysctl -w net.mptcp.enabled=1", line.Message);

        await using var strict = Build(options => options.Mode = MptcpMode.Required);
        var refusal = await Assert.ThrowsAsync<PlatformNotSupportedException>(
            () => host.Run(() => strict.GetRequiredService<IConnectionFactory>().ConnectAsync(listener.LocalEndPoint!).AsTask()));
        Assert.Contains("sysctl -w net.mptcp.enabled=1", refusal.Message);
    }

    [Fact]
    public async Task AddMptcpConnectionFactory_ConfigurationAndOneOfTheApplication_AreHonoured()
    {
        using var listener = Listen(mptcp: true);
        await using var disabled = Build(configure: null, new() { ["Mptcp:Client:Mode"] = "Disabled" });
        await using var connection = await disabled.GetRequiredService<IConnectionFactory>().ConnectAsync(listener.LocalEndPoint!);
        Assert.Equal(MptcpStatus.Unavailable, connection.Features.Get<IMptcpFeature>()!.Status);

        using var own = new MptcpConnectionFactory(Options.Create(new MptcpConnectOptions()), LoggerFactory.Create(_ => { }));
        await using var services = new ServiceCollection().AddSingleton<IConnectionFactory>(own).AddMptcpConnectionFactory().AddMptcpConnectionFactory().BuildServiceProvider();
        Assert.Same(own, Assert.Single(services.GetServices<IConnectionFactory>()));
    }

    [Fact]
    public async Task Dispose_WithAConnectionOpen_ItLivesOn()
    {
        using var listener = Listen(mptcp: true);
        var services = Build();
        await using var connection = await services.GetRequiredService<IConnectionFactory>().ConnectAsync(listener.LocalEndPoint!);
        var echo = EchoAsync(listener);
        await services.DisposeAsync();
        await connection.Transport.Output.WriteAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await ReadAsync(connection.Transport.Input, 5));
        await connection.Transport.Output.CompleteAsync();
        Assert.Equal(5, await echo);
    }

    private static Socket Listen(bool mptcp)
    {
        var listener = mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(512);
        return listener;
    }

    /// <returns>How much came until the client ended.</returns>
    private static async Task<long> EchoAsync(Socket listener)
    {
        using var socket = await listener.AcceptAsync();
        var buffer = new byte[Blocks.Size];
        long total = 0;
        while (await socket.ReceiveAsync(buffer) is var count and > 0)
        {
            total += count;
            for (var sent = 0; sent < count;)
            {
                sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent));
            }
        }

        return total;
    }

    /// <summary>Reads so much before this end completes: Kestrel's transport closes both directions then.</summary>
    private static async Task<byte[]> ReadAsync(PipeReader reader, int count)
    {
        var result = await reader.ReadAtLeastAsync(count);
        var bytes = result.Buffer.ToArray();
        reader.AdvanceTo(result.Buffer.End);
        return bytes;
    }

    private ServiceProvider Build(Action<MptcpConnectOptions>? configure = null, Dictionary<string, string?>? configuration = null)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddProvider(_log).SetMinimumLevel(LogLevel.Debug));
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(configuration).Build());
        services.AddMptcpConnectionFactory();
        services.Configure<MptcpConnectOptions>(options => configure?.Invoke(options));
        return services.BuildServiceProvider();
    }
}
