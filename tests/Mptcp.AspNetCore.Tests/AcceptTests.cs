using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class AcceptTests
{
    /// <summary>An exception from AcceptAsync would end the endpoint for good.</summary>
    [Fact]
    public async Task AcceptAsync_ConnectionThatFailsInOurHands_CostsThatConnectionOnly()
    {
        using var log = new LogRecorder();
        await AssertFirstIsLostAndSecondServedAsync(log);
        var line = Assert.Single(log.Ours);
        Assert.Equal((LogLevel.Error, "ConnectionDropped"), (line.Level, line.Event.Name));
        Assert.IsType<InvalidOperationException>(line.Exception);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AcceptAsync_FailureThatCannotBeLogged_CostsThatConnectionOnly(bool throwsWhenAsked)
    {
        using var log = new BrokenLog(throwsWhenAsked);
        await AssertFirstIsLostAndSecondServedAsync(log);
        Assert.InRange(log.Asked, 1, throwsWhenAsked ? 10 : 1);
    }

    [Fact]
    public async Task AcceptAsync_MeterListenerThatThrows_ConnectionIsServedAndCountedOut()
    {
        Requires.Mptcp();
        using var log = new LogRecorder();
        await using var services = CreateServices(log);
        var scope = services.GetRequiredService<IMeterFactory>();
        var told = new ConcurrentQueue<(string, long)>();
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == scope)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>((instrument, change, _, _) =>
        {
            told.Enqueue((instrument.Name, change));
            throw new IOException("No space left on device.");
        });
        meters.Start();
        await using var listener = CreateListener(Listen(), services);
        using (var client = await Client.ConnectAsync(listener.EndPoint, mptcp: false))
        {
            await using var accepted = await listener.AcceptAsync();
            Assert.Equal(MptcpStatus.NotNegotiated, accepted!.Features.Get<IMptcpFeature>()!.Status);
            await client.SendAsync("x"u8.ToArray());
            Assert.Equal(1, (await accepted.Transport.Input.ReadAsync()).Buffer.Length);

            // And once more by the end of the block, as may be done.
            await accepted.DisposeAsync();
        }

        Assert.Equal(0, services.GetRequiredService<ConnectionList>().Count);
        const string Active = "mptcp.server.connection.active";
        Assert.Equal([("mptcp.server.connections", 1), (Active, 1), (Active, -1)], told);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Features_OfAConnection_OursIsOneThatCanBeReplaced(bool isTagged)
    {
        using var log = new LogRecorder();
        await using var services = CreateServices(log);
        using var meter = services.GetRequiredService<IMeterFactory>().Create("Microsoft.AspNetCore.Server.Kestrel");
        meter.CreateHistogram<double>("kestrel.connection.duration");
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (isTagged && instrument.Meter == meter)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.Start();
        await using var listener = CreateListener(Listen(), services);
        using var client = await Client.ConnectAsync(listener.EndPoint, mptcp: false);
        await using var accepted = await listener.AcceptAsync();
        Assert.Equal(isTagged, accepted is TaggedConnection);

        var features = accepted!.Features;
        var ours = Assert.Single(services.GetRequiredService<ConnectionList>().GetSnapshot()).Mptcp;
        Assert.Same(ours, features.Get<IMptcpFeature>());
        Assert.Same(ours, features[typeof(IMptcpFeature)]);
        Assert.Same(ours, Assert.Single(features, feature => feature.Key == typeof(IMptcpFeature)).Value);
        Assert.Null(features.Get<IFormatProvider>());
        Assert.Null(features[typeof(IFormatProvider)]);
        Assert.NotNull(features.Get<IConnectionSocketFeature>());
        Assert.Contains(features, feature => feature.Key == typeof(IConnectionSocketFeature));

        var revision = features.Revision;
        var fake = new FakeFeature(MptcpStatus.Active);
        features.Set<IMptcpFeature>(fake);
        Assert.NotEqual(revision, features.Revision);
        Assert.Same(fake, features.Get<IMptcpFeature>());
        Assert.Same(fake, features[typeof(IMptcpFeature)]);
        Assert.Same(fake, Assert.Single(features, feature => feature.Key == typeof(IMptcpFeature)).Value);

        // As of any collection with defaults: what is taken away is the default again.
        features[typeof(IMptcpFeature)] = null;
        Assert.Same(ours, features.Get<IMptcpFeature>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AcceptAsync_LostSocketThatCannotBeLogged_Ends(bool throwsWhenAsked)
    {
        using var log = new BrokenLog(throwsWhenAsked);
        await using var services = CreateServices(log);
        var listen = Listen();
        await using var listener = CreateListener(listen, services);

        var accept = listener.AcceptAsync().AsTask();
        listen.Socket.Shutdown(SocketShutdown.Both);

        Assert.Null(await accept.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(1, log.Asked);
    }

    [Fact]
    public async Task AcceptAsync_WhenUnbound_EndsWithoutAWord()
    {
        using var log = new LogRecorder();
        await using var services = CreateServices(log);
        await using var listener = CreateListener(Listen(), services);

        var accept = listener.AcceptAsync().AsTask();
        await listener.UnbindAsync();

        Assert.Null(await accept);
        Assert.Null(await listener.AcceptAsync());
        Assert.Empty(log.Ours);
    }

    /// <summary>The kernel answers EINVAL from then on, to whoever asks, and Kestrel's own loop asks for ever.</summary>
    [Fact]
    public async Task AcceptAsync_SocketThatSomebodyElseShutDown_EndsAndSaysSo()
    {
        using var log = new LogRecorder();
        await using var services = CreateServices(log);
        var listen = Listen();
        await using var listener = CreateListener(listen, services);

        var accept = listener.AcceptAsync().AsTask();
        listen.Socket.Shutdown(SocketShutdown.Both);

        Assert.Null(await accept.WaitAsync(TimeSpan.FromSeconds(30)));
        var line = Assert.Single(log.Ours);
        Assert.Equal((LogLevel.Critical, "ListenSocketLost"), (line.Level, line.Event.Name));
        Assert.Contains($"{listener.EndPoint}", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AcceptAsync_WhenCanceled_Throws()
    {
        using var log = new LogRecorder();
        await using var services = CreateServices(log);
        await using var listener = CreateListener(Listen(), services);
        using var cancellation = new CancellationTokenSource();

        var accept = listener.AcceptAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accept);
        Assert.Empty(log.Ours);
    }

    private static async Task AssertFirstIsLostAndSecondServedAsync(ILoggerProvider log)
    {
        await using var services = CreateServices(log, new BrokenOnce());
        await using var listener = CreateListener(Listen(), services);
        using var broken = await Client.ConnectAsync(listener.EndPoint, mptcp: false);
        using var sound = await Client.ConnectAsync(listener.EndPoint, mptcp: false);

        await using var accepted = await listener.AcceptAsync();
        Assert.Equal(sound.LocalEndPoint, accepted!.RemoteEndPoint);
        await Assert.ThrowsAsync<SocketException>(() => broken.ReceiveAsync(new byte[1]));
    }

    private static ListenSocket Listen() => ListenSocket.Open(
        new IPEndPoint(IPAddress.Loopback, 0), (MptcpMode.Preferred, MptcpFallback.Accept), congestionControl: null,
        SocketTransportOptions.CreateDefaultBoundListenSocket, backlog: 512);

    private static MptcpConnectionListener CreateListener(ListenSocket listen, IServiceProvider services) => new(
        listen, new SocketConnectionContextFactory(new SocketConnectionFactoryOptions(), NullLogger.Instance),
        noDelay: true, reject: false, services.GetRequiredService<ConnectionServices>());

    private static ServiceProvider CreateServices(ILoggerProvider log, TimeProvider? time = null) => new ServiceCollection()
        .AddLogging(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Information)).AddMetrics()
        .AddSingleton(time ?? TimeProvider.System)
        .AddSingleton<ConnectionList>().AddSingleton<ServerMetrics>().AddSingleton<KestrelDuration>().AddSingleton<ConnectionServices>()
        .BuildServiceProvider();

    /// <summary>Asked when the connection is listed, which is as good a place to fail as any.</summary>
    private sealed class BrokenOnce : TimeProvider
    {
        private int _asked;

        public override DateTimeOffset GetUtcNow() =>
            Interlocked.Increment(ref _asked) == 1 ? throw new InvalidOperationException("No time.") : base.GetUtcNow();
    }
}
