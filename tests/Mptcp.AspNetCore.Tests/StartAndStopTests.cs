using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Paths;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>However a host ends, its background services end quietly, and the log shows the real error only.</summary>
public sealed class StartAndStopTests
{
    public StartAndStopTests() => Requires.Mptcp();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Start_PortInUse_OnlyTheRealErrorIsLogged(bool run)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var (app, log) = Create($"http://{other.LocalEndpoint}");
        var sampler = SamplerOf(app);

        var error = run
            ? await Assert.ThrowsAsync<IOException>(() => Task.Run(() => app.Run()))
            : await Assert.ThrowsAsync<IOException>(() => app.StartAsync());
        await app.DisposeAsync();

        Assert.IsType<AddressInUseException>(error.InnerException);
        await AssertEndedQuietlyAsync(sampler, log);
        Assert.DoesNotContain(log.All, line => line.Level == LogLevel.Critical);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dispose_NotStoppedBefore_LogsNoFailure(bool synchronously)
    {
        var (app, log) = Create("http://127.0.0.1:0");
        var sampler = SamplerOf(app);
        await app.StartAsync();

        if (synchronously)
        {
            ((IDisposable)app).Dispose();
        }
        else
        {
            await app.DisposeAsync();
        }

        await AssertEndedQuietlyAsync(sampler, log);
        Assert.DoesNotContain(log.All, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Stop_Started_LogsNoFailure()
    {
        var (app, log) = Create("http://127.0.0.1:0");
        var sampler = SamplerOf(app);
        await app.StartAsync();

        await app.StopAsync();
        await app.DisposeAsync();

        await AssertEndedQuietlyAsync(sampler, log);
        Assert.DoesNotContain(log.All, line => line.Level >= LogLevel.Warning);
    }

    /// <summary>The reading of events ends with the host, and the netlink socket is closed.</summary>
    [Fact]
    public async Task Dispose_NotStoppedBefore_PathMonitorIsClosed()
    {
        MptcpPathMonitor? monitor = null;
        var (app, log) = Create(
            "http://127.0.0.1:0",
            builder => builder.Services.AddSingleton<OpenPathMonitor>((out MptcpSupport support) =>
            {
                MptcpPathMonitor.TryOpen(out monitor, out support);
                return monitor;
            }));
        await app.StartAsync();
        Requires.That(monitor is not null, "Path events need CAP_NET_ADMIN.");

        await app.DisposeAsync();

        // A monitor that is disposed has no more events, once the application has ended its own reading.
        await Wait.UntilAsync(async () =>
        {
            try
            {
                await foreach (var _ in monitor!.ReadAllAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token))
                {
                }

                return true;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        });
        Assert.DoesNotContain(log.All, line => line.Level >= LogLevel.Warning);
    }

    /// <summary>A stop that is given no more time reports no error of its own.</summary>
    [Fact]
    public async Task Stop_TokenCancelled_PathTrackerDoesNotThrow()
    {
        using var factory = LoggerFactory.Create(_ => { });
        using var tracker = new PathTracker(
            (out MptcpSupport support) => MptcpPathMonitor.TryOpen(out var monitor, out support) ? monitor : null, factory);
        await tracker.StartAsync(CancellationToken.None);

        await tracker.StopAsync(new CancellationToken(canceled: true));
    }

    private static (WebApplication App, LogRecorder Log) Create(string url, Action<WebApplicationBuilder>? configure = null)
    {
        var log = new LogRecorder();
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = Environments.Production });
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Debug);
        configure?.Invoke(builder);
        builder.WebHost.UseUrls(url).UseMptcp();
        builder.Services.AddMptcpPathMonitor().AddMptcpHostMetrics();
        return (builder.Build(), log);
    }

    private static ConnectionSampler SamplerOf(WebApplication app) => app.Services.GetServices<IHostedService>().OfType<ConnectionSampler>().Single();

    private static async Task AssertEndedQuietlyAsync(ConnectionSampler sampler, LogRecorder log)
    {
        await Wait.UntilAsync(() => sampler.ExecuteTask!.IsCompleted);

        // A cancelled task is a failed one to the host, which logs it from another thread.
        Assert.Equal(TaskStatus.RanToCompletion, sampler.ExecuteTask!.Status);
        Assert.DoesNotContain(log.All, line => line.Event.Name?.StartsWith("BackgroundService", StringComparison.Ordinal) == true);
        Assert.DoesNotContain(log.Ours, line => line.Level >= LogLevel.Warning);
    }
}
