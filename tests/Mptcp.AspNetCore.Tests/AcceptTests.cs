using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Tests;

public sealed class AcceptTests
{
    /// <summary>An exception from AcceptAsync would end the endpoint for good.</summary>
    [Fact]
    public async Task AcceptAsync_ConnectionThatFailsInOurHands_CostsThatConnectionOnly()
    {
        using var log = new LogRecorder();
        await using var broken = new BrokenConnection { IsBroken = true };
        await using var sound = new DefaultConnectionContext("sound");
        await using var inner = new Listener(broken, sound);
        await using var services = new ServiceCollection()
            .AddLogging(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug)).AddMetrics()
            .AddSingleton<ConnectionList>().AddSingleton<ServerMetrics>().AddSingleton<KestrelDuration>().AddSingleton<ConnectionServices>()
            .BuildServiceProvider();
        await using var listener = new MptcpConnectionListener(inner, reject: false, services.GetRequiredService<ConnectionServices>());

        Assert.Same(sound, await listener.AcceptAsync());
        Assert.True(broken.IsDisposed);
        var line = Assert.Single(log.Ours);
        Assert.Equal((LogLevel.Error, "ConnectionDropped"), (line.Level, line.Event.Name));
        Assert.IsType<InvalidOperationException>(line.Exception);
        Assert.Null(await listener.AcceptAsync());
    }

    private sealed class Listener(params ConnectionContext[] connections) : IConnectionListener
    {
        private int _next;

        public EndPoint EndPoint => new IPEndPoint(IPAddress.Loopback, 1);

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(_next < connections.Length ? connections[_next++] : null);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => default;

        public ValueTask DisposeAsync() => default;
    }

    private sealed class BrokenConnection() : DefaultConnectionContext("broken")
    {
        // The base class looks at its features while it is made.
        public bool IsBroken { get; init; }

        public bool IsDisposed { get; private set; }

        public override IFeatureCollection Features => IsBroken ? throw new InvalidOperationException() : base.Features;

        public override void Abort(ConnectionAbortedException abortReason)
        {
        }

        public override ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return base.DisposeAsync();
        }
    }
}
