using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>A connection in the list, and what the metrics have counted of it.</summary>
internal sealed class ConnectionEntry
{
    private readonly MptcpConnectionFeature _feature;
    private readonly ConnectionList _list;
    private readonly ServerMetrics _metrics;
    private readonly Lock _lock = new();
    private MptcpStatus? _countedAs;
    private Figures _sampled;
    private bool _isClosed;

    public ConnectionEntry(MptcpServerConnection connection, MptcpConnectionFeature feature, ConnectionList list, ServerMetrics metrics)
    {
        Connection = connection;
        _feature = feature;
        _list = list;
        _metrics = metrics;
    }

    public MptcpServerConnection Connection { get; }

    // The list's own, under its lock.
    public ConnectionEntry? Next { get; set; }

    public ConnectionEntry? Previous { get; set; }

    /// <summary>Counts it as one of those with this status.</summary>
    public void CountAs(MptcpStatus status)
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                _metrics.ActiveChanged(_countedAs, status);
                _countedAs = status;
            }
        }
    }

    /// <summary>It has become TCP.</summary>
    public void FellBack()
    {
        _metrics.FellBack();
        if (_countedAs is not null)
        {
            CountAs(MptcpStatus.FellBack);
        }
    }

    /// <summary>Reads its figures, and adds what is new to the sums.</summary>
    public void Sample()
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                // A connection that is TCP for good is not asked any more.
                var now = _feature.Status == MptcpStatus.Active && _feature.TryGetInfo(out var info)
                    ? Figures.Of(info)
                    : _sampled with { Subflows = 0 };
                _metrics.Sampled(now.Since(_sampled));
                _sampled = now;
            }
        }
    }

    /// <summary>The connection has ended. Called once.</summary>
    public void Close()
    {
        if (_metrics.WantsSamples)
        {
            // The peer has closed, and Kestrel has not yet. Where Kestrel was first there is nothing left to read.
            Sample();
        }

        lock (_lock)
        {
            _isClosed = true;
            _metrics.ActiveChanged(_countedAs, null);
            _metrics.Sampled(new Figures(0, 0, 0, -_sampled.Subflows));
        }

        // Last: when nobody is listed any more, the metrics have counted everybody out.
        _list.Remove(this);
    }
}
