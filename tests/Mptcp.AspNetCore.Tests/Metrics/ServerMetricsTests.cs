using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Metrics;

public sealed class ServerMetricsTests
{
    private const string Meter = "Mptcp.AspNetCore";

    public ServerMetricsTests() => Requires.Mptcp();

    [Fact]
    public async Task Instruments_All_AreThese()
    {
        await using var server = await Server.StartAsync();
        using var metrics = new MetricsRecorder(server, Meter);
        Assert.Equal(
            [
                "mptcp.server.accept.errors Counter {error}",
                "mptcp.server.connection.active UpDownCounter {connection}",
                "mptcp.server.connections Counter {connection}",
                "mptcp.server.fallbacks Counter {connection}",
                "mptcp.server.io ObservableCounter By",
                "mptcp.server.rejections Counter {rejection}",
                "mptcp.server.retransmitted ObservableCounter By",
                "mptcp.server.subflow.active ObservableUpDownCounter {subflow}",
            ],
            metrics.Instruments);
    }

    [Fact]
    public async Task Connections_TwoThousandMixedOpenedAndClosed_ExactAndBackToZero()
    {
        const int Count = 2000;
        await using var server = await Server.StartAsync();
        using var metrics = new MetricsRecorder(server, Meter);
        var open = new ConcurrentBag<Socket>();
        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancellationToken) =>
        {
            var socket = await Client.ConnectAsync(server.EndPoint, mptcp: i % 2 == 0, cancellationToken);
            await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), cancellationToken);
            await socket.ReceiveAsync(new byte[1024], cancellationToken);
            if (i % 4 < 2)
            {
                // Some are reset and some end in order, while the others go on.
                socket.LingerState = new LingerOption(i % 8 < 4, 0);
                socket.Dispose();
            }
            else
            {
                open.Add(socket);
            }
        });
        var connections = server.Services.GetRequiredService<IMptcpConnections>();
        await Wait.UntilAsync(() => connections.Count == Count / 2);
        var during = metrics.Read();
        Assert.Equal(Count / 2, during["mptcp.server.connections{mptcp.status=active}"]);
        Assert.Equal(Count / 2, during["mptcp.server.connections{mptcp.status=not_negotiated}"]);
        Assert.Equal(Count / 4, during["mptcp.server.connection.active{mptcp.status=active}"]);
        Assert.Equal(Count / 4, during["mptcp.server.connection.active{mptcp.status=not_negotiated}"]);
        Assert.Equal(
            open.Select(socket => socket.LocalEndPoint!.ToString()!).Order(StringComparer.Ordinal),
            connections.GetSnapshot().Select(connection => connection.RemoteEndPoint!.ToString()!).Order(StringComparer.Ordinal));

        foreach (var socket in open)
        {
            socket.Dispose();
        }

        await Wait.UntilAsync(() => connections.Count == 0);
        Assert.Empty(connections.GetSnapshot());
        var after = metrics.Read();
        Assert.Equal(Count / 2, after["mptcp.server.connections{mptcp.status=active}"]);
        Assert.Equal(Count / 2, after["mptcp.server.connections{mptcp.status=not_negotiated}"]);
        Assert.DoesNotContain(after.Keys, key => key.Contains("active{", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Sampled_WhileSomebodyListens_BytesAndSubflows()
    {
        await using var server = await Server.StartAsync(
            builder => builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromMilliseconds(20)),
            app => app.MapGet("/big", () => new byte[1_000_000]));
        using var metrics = new MetricsRecorder(server, Meter);
        using (var client = server.CreateClient(mptcp: true))
        {
            var body = await client.GetByteArrayAsync("/big");
            await Wait.UntilAsync(() => metrics.Read() is var sums && sums.GetValueOrDefault("mptcp.server.io{network.io.direction=transmit}") > body.Length
                && sums.ContainsKey("mptcp.server.subflow.active{}") && sums.ContainsKey("mptcp.server.io{network.io.direction=receive}"));
            Assert.Equal(1, metrics.Read()["mptcp.server.subflow.active{}"]);
            Assert.InRange(metrics.Read()["mptcp.server.io{network.io.direction=receive}"], 20, 10_000);
        }

        await Wait.UntilAsync(() => !metrics.Read().ContainsKey("mptcp.server.subflow.active{}"));
        Assert.InRange(metrics.Read()["mptcp.server.io{network.io.direction=transmit}"], 1_000_000, 2_000_000);
    }

    /// <summary>The sampler never comes by here: what is counted was read when the connection ended.</summary>
    [Theory]
    [InlineData("1.1", false)]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    public async Task Sampled_ClientCloses_AllThatTheConnectionCarried(string version, bool tls)
    {
        const int Count = 50;
        const int Size = 1_000_000;
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromHours(1));
                if (tls)
                {
                    builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(Server.Certificate)));
                }
            },
            app => app.MapGet("/big", () => Results.Bytes(new byte[Size])));
        using var metrics = new MetricsRecorder(server, Meter);
        for (var i = 0; i < Count; i++)
        {
            using var client = server.CreateClient(mptcp: true, Version.Parse(version));
            Assert.Equal(Size, (await client.GetByteArrayAsync("/big")).Length);
        }

        await Wait.UntilAsync(() => server.Services.GetRequiredService<IMptcpConnections>().Count == 0);

        // A few on a busy host may go with a reset, when the server still has something to say to a client that has closed.
        Assert.InRange(metrics.Read().GetValueOrDefault("mptcp.server.io{network.io.direction=transmit}"), (Count - 5) * Size, Count * Size * 1.1);
    }

    /// <summary>Kestrel holds such a connection by a weak reference only, so that it can be collected; it is never disposed of.</summary>
    [Fact]
    public async Task Connections_RequestThatNobodyCompletes_OffTheListWhenTheClientIsGone()
    {
        var never = new TaskCompletionSource();
        await using var server = await Server.StartAsync(
            builder => builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromMilliseconds(20)),
            app => app.MapGet("/never", () => never.Task));
        using var metrics = new MetricsRecorder(server, Meter);
        var connections = server.Services.GetRequiredService<IMptcpConnections>();
        using (var socket = await Client.ConnectAsync(server.EndPoint, mptcp: true))
        {
            await socket.SendAsync("GET /never HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            await Wait.UntilAsync(() => metrics.Read().ContainsKey("mptcp.server.subflow.active{}"));
            Assert.Equal(1, connections.Count);
        }

        await Wait.UntilAsync(() => connections.Count == 0);
        Assert.DoesNotContain(metrics.Read().Keys, key => key.Contains("active{", StringComparison.Ordinal));

        // So that the server can stop.
        never.SetResult();
    }

    [Fact]
    public async Task Rejections_RequestConnectionAndMonitored_CountedByStage()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel =>
                {
                    kestrel.Listen(IPAddress.Loopback, 0);
                    kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, Ports.Free(1)[0]) { Fallback = MptcpFallback.Reject });
                });
                builder.Services.AddMptcpPolicy("monitored", policy => policy.MonitorOnly = true);
            },
            app =>
            {
                app.MapGet("/strict", () => "yes").RequireMptcp();
                app.MapGroup("/monitored").RequireMptcp("monitored").MapGet("", () => "yes").RequireMptcp("monitored");
            });
        using var metrics = new MetricsRecorder(server, Meter);
        using (var tcp = server.CreateClient(mptcp: false))
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/strict")).StatusCode);
            Assert.Equal("yes", await tcp.GetStringAsync("/monitored"));
            Assert.Equal("yes", await tcp.GetStringAsync("/monitored"));

            // Closed before, while or after HttpClient looks at it: each has an exception of its own.
            await Assert.ThrowsAnyAsync<Exception>(() => tcp.GetAsync(server.Addresses[1]));
        }

        using (var mptcp = server.CreateClient(mptcp: true))
        {
            Assert.Equal("yes", await mptcp.GetStringAsync("/strict"));
            Assert.Equal("yes", await mptcp.GetStringAsync("/monitored"));
        }

        var rejections = metrics.Read().Where(sum => sum.Key.StartsWith("mptcp.server.rejections", StringComparison.Ordinal)).ToDictionary();
        Assert.Equal(1, rejections["mptcp.server.rejections{mptcp.rejection.stage=request,mptcp.status=not_negotiated}"]);
        Assert.Equal(2, rejections["mptcp.server.rejections{mptcp.rejection.stage=monitored,mptcp.status=not_negotiated}"]);

        // HttpClient tries a connection that is closed at once a second time, or not.
        Assert.InRange(rejections["mptcp.server.rejections{mptcp.rejection.stage=connection,mptcp.status=not_negotiated}"], 1, 5);
        Assert.Equal(3, rejections.Count);
        Assert.Equal(2, server.Log.Ours.Count(line => line.Event.Name == "RequestWouldBeRejected"));
    }

    [Theory]
    [InlineData(true, "active")]
    [InlineData(false, "not_negotiated")]
    public async Task KestrelConnectionDuration_AlsoWithoutARequest_HasTheStatus(bool mptcp, string expected)
    {
        await using var server = await Server.StartAsync();
        using var kestrel = new MetricsRecorder(server, "Microsoft.AspNetCore.Server.Kestrel");
        var silent = await Client.ConnectAsync(server.EndPoint, mptcp);
        await Wait.UntilAsync(() => server.Services.GetRequiredService<IMptcpConnections>().Count == 1);
        silent.Dispose();
        await server.GetStatusAsync(mptcp);
        await Wait.UntilAsync(() => Durations().Length == 2);
        Assert.All(Durations(), duration => Assert.Contains($"mptcp.status={expected},", duration));

        string[] Durations() => [.. kestrel.Durations.Where(duration => duration.StartsWith("kestrel.connection.duration{", StringComparison.Ordinal))];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task HttpRequestDuration_OnlyWhenAsked_HasTheStatus(bool asked)
    {
        await using var server = await Server.StartAsync(configuration: new() { ["Mptcp:TagRequestDuration"] = asked ? "true" : null });
        using var hosting = new MetricsRecorder(server, "Microsoft.AspNetCore.Hosting");
        await server.GetStatusAsync(mptcp: true);
        await Wait.UntilAsync(() => hosting.Durations.Count == 1);
        Assert.Equal(asked, hosting.Durations[0].Contains("mptcp.status=active", StringComparison.Ordinal));
    }
}
