using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>Listens to the instruments of one application, and adds up what they measure.</summary>
internal sealed class MetricsRecorder : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _sums = new();
    private readonly ConcurrentDictionary<string, string> _instruments = new();
    private readonly ConcurrentQueue<string> _durations = new();

    /// <param name="server">Whose.</param>
    /// <param name="meters">Of which meters.</param>
    public MetricsRecorder(Server server, params string[] meters)
        : this(server.Services.GetRequiredService<IMeterFactory>(), meters)
    {
    }

    /// <param name="scope">Of the application whose they are.</param>
    /// <param name="meters">Of which meters.</param>
    public MetricsRecorder(IMeterFactory scope, params string[] meters)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (meters.Contains(instrument.Meter.Name) && instrument.Meter.Scope == scope)
            {
                _instruments[instrument.Name] = $"{instrument.Name} {instrument.GetType().Name.Split('`')[0]} {instrument.Unit}";
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var key = Key(instrument, tags);
            if (instrument.IsObservable)
            {
                _sums[key] = value;
            }
            else
            {
                _sums.AddOrUpdate(key, value, (_, sum) => sum + value);
            }
        });
        _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => _durations.Enqueue(Key(instrument, tags)));
        _listener.Start();
    }

    /// <summary>Name, kind and unit of each, in order.</summary>
    public IReadOnlyList<string> Instruments => [.. _instruments.Values.Order(StringComparer.Ordinal)];

    /// <summary>Each measurement that is not a number of things, with its attributes.</summary>
    public IReadOnlyList<string> Durations => [.. _durations];

    /// <summary>The sums, or the last observations, that are not zero, by instrument and attributes.</summary>
    public IReadOnlyDictionary<string, long> Read()
    {
        _listener.RecordObservableInstruments();
        return _sums.Where(sum => sum.Value != 0).ToDictionary(sum => sum.Key, sum => sum.Value);
    }

    public void Dispose() => _listener.Dispose();

    private static string Key(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        $"{instrument.Name}{{{string.Join(',', tags.ToArray().OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key}={tag.Value}"))}}}";
}
