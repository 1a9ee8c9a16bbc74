using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>The kernel's counters about Multipath TCP as one instrument. Started with the host, so that it is there without being asked for.</summary>
internal sealed class HostMetrics : IHostedService
{
    private const string Gauge = "MPCurrEstab";

    private readonly IMeterFactory _meterFactory;

    public HostMetrics(IMeterFactory meterFactory) => _meterFactory = meterFactory;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _meterFactory.Create(ServerMetrics.MeterName).CreateObservableCounter(
            "mptcp.host.events", Observe, "{event}", "What the kernel counted about Multipath TCP in this network namespace, for all processes.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>One file is read for all of them.</summary>
    private static IEnumerable<Measurement<long>> Observe() =>
        from counter in MptcpHost.ReadCounters()
        where counter.Key != Gauge
        select new Measurement<long>(counter.Value, new KeyValuePair<string, object?>("mptcp.host.event", counter.Key));
}
