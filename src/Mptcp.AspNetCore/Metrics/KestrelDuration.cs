using System.Diagnostics.Metrics;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>Tells whether somebody listens to <c>kestrel.connection.duration</c>. It does not listen itself.</summary>
internal sealed class KestrelDuration : IDisposable
{
    private readonly MeterListener _listener = new();
    private volatile Instrument? _instrument;

    public KestrelDuration(IMeterFactory meterFactory)
    {
        _listener.InstrumentPublished = (instrument, _) =>
        {
            // Several applications in one process have a meter each.
            if (instrument is { Name: "kestrel.connection.duration", Meter.Name: "Microsoft.AspNetCore.Server.Kestrel" }
                && instrument.Meter.Scope == meterFactory)
            {
                _instrument = instrument;
            }
        };
        _listener.Start();
    }

    public bool IsListenedTo => _instrument?.Enabled == true;

    public void Dispose() => _listener.Dispose();
}
