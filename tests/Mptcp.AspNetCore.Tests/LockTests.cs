using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>No code of the application runs under a lock of ours, and no lock of the application is one of ours.</summary>
public sealed class LockTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public LockTests() => Requires.Mptcp();

    [Fact]
    public async Task Lock_ApplicationHoldsTheFeature_SamplerAndDisposalGoOn()
    {
        await using var server = await Server.StartAsync(
            builder => builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromMilliseconds(20)));
        using var metrics = new MetricsRecorder(server, "Mptcp.AspNetCore");
        var connections = server.Services.GetRequiredService<IMptcpConnections>();
        using var locked = await Client.ConnectAsync(server.EndPoint, mptcp: true);
        using var other = await Client.ConnectAsync(server.EndPoint, mptcp: true);
        await Wait.UntilAsync(() => connections.Count == 2);
        var feature = connections.GetSnapshot().Single(connection => connection.RemoteEndPoint!.Equals(locked.LocalEndPoint)).Mptcp;

        using var release = new ManualResetEventSlim();
        using var isHeld = new ManualResetEventSlim();
        var holder = Task.Factory.StartNew(
            () =>
            {
                lock (feature)
                {
                    isHeld.Set();
                    release.Wait();
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            isHeld.Wait();
            await locked.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            Assert.True(await locked.ReceiveAsync(new byte[1024]) > 0);

            // The sampler has come by the locked one and by the one after it.
            await Wait.UntilAsync(() => metrics.Read().GetValueOrDefault("mptcp.server.io{network.io.direction=transmit}") > 0);
            await Wait.UntilAsync(() => metrics.Read().GetValueOrDefault("mptcp.server.subflow.active{}") == 2);
            locked.Dispose();
            other.Dispose();
            await Wait.UntilAsync(() => connections.Count == 0);
            await Wait.UntilAsync(() => !metrics.Read().ContainsKey("mptcp.server.subflow.active{}"));
        }
        finally
        {
            release.Set();
            await holder;
        }
    }

    /// <summary>A meter listener that waits for another thread, which needs the same connection.</summary>
    [Fact]
    public async Task MeterListener_WaitsForThreadThatUsesTheConnection_IsNoDeadlock()
    {
        await using var services = CreateServices(_ => { });
        ConnectionEntry? entry = null;
        var (calls, deadlocks) = (0, 0);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter.Scope == services.GetRequiredService<IMeterFactory>())
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, _, _) =>
        {
            if (!instrument.IsObservable && entry is not null)
            {
                calls++;
                deadlocks += Use(entry) ? 0 : 1;
            }
        });
        _ = services.GetRequiredService<ServerMetrics>();
        listener.Start();

        using var sockets = await ConnectAsync();
        entry = CreateEntry(services, sockets.Accepted);
        entry.List();
        entry.Visit();
        entry.Unlist();

        Assert.Equal((2, 0), (calls, deadlocks));
    }

    /// <summary>A logger that waits for another thread, which needs the same connection.</summary>
    [Fact]
    public async Task Logger_WaitsForThreadThatUsesTheConnection_IsNoDeadlock()
    {
        ConnectionEntry? entry = null;
        var (calls, deadlocks) = (0, 0);
        using var log = new CallbackLog(() =>
        {
            if (entry is not null)
            {
                calls++;
                deadlocks += Use(entry) ? 0 : 1;
            }
        });
        await using var services = CreateServices(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug));
        using var metrics = new MetricsRecorder(services.GetRequiredService<IMeterFactory>(), "Mptcp.AspNetCore");
        _ = services.GetRequiredService<ServerMetrics>();

        // The sampler learns that it is TCP, and has it logged.
        using var sockets = await ConnectAsync();
        entry = CreateEntry(services, sockets.Accepted);
        entry.Visit();

        Assert.Equal((1, 0), (calls, deadlocks));
    }

    /// <summary>Without a lock the sums are right all the same.</summary>
    [Fact]
    public async Task Sums_ThreadsListSampleAndUnlistAtOnce_AllZeroInTheEnd()
    {
        await using var services = CreateServices(_ => { });
        _ = services.GetRequiredService<ServerMetrics>();
        using var metrics = new MetricsRecorder(services.GetRequiredService<IMeterFactory>(), "Mptcp.AspNetCore");
        var list = services.GetRequiredService<ConnectionList>();
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(Mptcp.Sockets.MptcpSocket.TryConvert(listener, out _));
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(100);
        for (var i = 0; i < 100; i++)
        {
            using var client = await Client.ConnectAsync(listener.LocalEndPoint!, mptcp: i % 2 == 0);
            using var accepted = await listener.AcceptAsync();
            await client.SendAsync(new byte[1000]);
            await accepted.ReceiveAsync(new byte[1000]);
            var entry = CreateEntry(services, accepted);
            using var barrier = new Barrier(4);

            // Other threads find it in the list, while it is still being counted.
            await Task.WhenAll(
                RunAsync(entry.List, entry.Visit),
                RunAsync(UntilListed, entry.Visit, entry.Visit),
                RunAsync(UntilListed, entry.Visit, entry.Unlist),
                RunAsync(UntilListed, () => _ = entry.Status, entry.Unlist));
            Assert.Equal(0, list.Count);

            void UntilListed() => SpinWait.SpinUntil(() => list.Count > 0, TimeSpan.FromMilliseconds(100));

            Task RunAsync(params Action[] actions) => Task.Factory.StartNew(
                () =>
                {
                    barrier.SignalAndWait();
                    Array.ForEach(actions, action => action());
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        Assert.DoesNotContain(metrics.Read().Keys, key => key.Contains("active{", StringComparison.Ordinal));
    }

    /// <returns>Whether another thread could use it.</returns>
    private static bool Use(ConnectionEntry entry)
    {
        // Each of them in turn, as other threads do: a request, the sampler, Kestrel.
        var done = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            _ = entry.Status;
            entry.Visit();
            entry.SampleIfWanted();
            done.Set();
        });
        thread.IsBackground = true;
        thread.Start();
        return done.Wait(s_patience);
    }

    private static ServiceProvider CreateServices(Action<ILoggingBuilder> configureLogging) => new ServiceCollection()
        .AddLogging(configureLogging).AddMetrics()
        .AddSingleton<ServerMetrics>().AddSingleton<ConnectionList>().AddSingleton<KestrelDuration>().AddSingleton<ConnectionServices>()
        .BuildServiceProvider();

    private static ConnectionEntry CreateEntry(IServiceProvider services, Socket accepted) =>
        new(accepted, openedAsMptcp: true, new DefaultConnectionContext("id"), services.GetRequiredService<ConnectionServices>());

    private static async Task<Pair> ConnectAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = await Client.ConnectAsync(listener.LocalEndpoint, mptcp: false);
        return new Pair(client, await listener.AcceptSocketAsync());
    }

    private sealed record Pair(Socket Connecting, Socket Accepted) : IDisposable
    {
        public void Dispose()
        {
            Connecting.Dispose();
            Accepted.Dispose();
        }
    }

    private sealed class CallbackLog(Action callback) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => callback();

        public void Dispose()
        {
        }
    }
}
