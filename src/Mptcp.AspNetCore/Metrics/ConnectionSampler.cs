using System.Numerics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Connections;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>
/// Comes by the listed connections now and then: reads their figures, for all instruments that show them and only while somebody listens,
/// and looks whether they are still there.
/// </summary>
internal sealed class ConnectionSampler : BackgroundService
{
    /// <summary>How many connections are read at most in a tick: some ten milliseconds of system calls.</summary>
    private const int BatchSize = 10_000;

    private readonly ConnectionList _connections;
    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private Task? _execution;

    public ConnectionSampler(ConnectionList connections, IOptions<MptcpTransportOptions> options, TimeProvider? time = null)
    {
        _connections = connections;
        _interval = options.Value.SamplingInterval;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>The execution, which is not cancelled but complete when the host ends, also when it had not begun by then.</summary>
    /// <remarks>
    /// A host that ends without having been stopped, as after a start that failed, takes a cancelled background service for one that crashed,
    /// and logs it as critical.
    /// </remarks>
    public override Task? ExecuteTask => base.ExecuteTask is { } execution ? _execution ??= EndQuietlyAsync(execution) : null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval, _time);
        var batch = Array.Empty<ConnectionEntry>();
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            var size = (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)_connections.Count), BatchSize);
            batch = batch.Length < size ? new ConnectionEntry[size] : batch;

            foreach (var entry in batch.AsSpan(0, _connections.GetNext(batch)))
            {
                entry.Visit();
            }

            // Connections that ended are not to be kept alive by it.
            Array.Clear(batch);
        }
    }

    private static async Task EndQuietlyAsync(Task execution)
    {
        try
        {
            await execution.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The host ends.
        }
    }
}
