using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>The feature of a connection that was accepted: its place in the list, and what the metrics have counted of it.</summary>
/// <remarks>
/// The lock over what was counted is the entry itself. A Lock of its own is forty bytes a connection, and one for all would be held by
/// everybody while one connection's fallback is logged.
/// </remarks>
internal sealed class ConnectionEntry : MptcpConnectionFeature
{
    private readonly ConnectionServices _services;
    private readonly long _sinceTicks;
    private Figures? _sampled;
    private MptcpStatus _countedAs;
    private bool _isListed;
    private bool _isCounted;
    private bool _isClosed;

    public ConnectionEntry(Socket socket, bool openedAsMptcp, ConnectionContext connection, ConnectionServices services)
        : base(socket, openedAsMptcp, connection)
    {
        _services = services;
        _sinceTicks = services.Time.GetUtcNow().UtcTicks;
    }

    // The list's own, under its lock.
    public ConnectionEntry? Next { get; set; }

    public ConnectionEntry? Previous { get; set; }

    protected override ILogger Logger => _services.Logger;

    protected override LogLevel FallbackLogLevel => _services.FallbackLogLevel;

    /// <summary>The time since the connection was accepted.</summary>
    public TimeSpan Age => TimeSpan.FromTicks(_services.Time.GetUtcNow().UtcTicks - _sinceTicks);

    public MptcpServerConnection Show() => new(Connection, this, new DateTimeOffset(_sinceTicks, TimeSpan.Zero));

    /// <summary>Lists it until it is closed.</summary>
    public void List()
    {
        _isListed = true;
        _services.Connections.Add(this);
        if (_services.Metrics.WantsConnections)
        {
            lock (this)
            {
                // A fallback that another thread sees meanwhile is in the answer, or counted after it.
                CountAs(Status);
            }
        }
    }

    /// <summary>
    /// The sampler comes by. It takes those off the list, too, whose peer is gone and that Kestrel does not dispose of: of a request
    /// that nobody ever completes Kestrel keeps nothing, and neither may the list.
    /// </summary>
    public void Visit()
    {
        SampleIfWanted();
        if (Connection.ConnectionClosed.IsCancellationRequested)
        {
            Unlist();
        }
    }

    /// <summary>Reads its figures where somebody listens, and adds what is new to the sums.</summary>
    /// <param name="wait">False to leave it to the thread that does so at this moment, if one does.</param>
    public void SampleIfWanted(bool wait = true)
    {
        if (!_services.Metrics.WantsSamples || !Monitor.TryEnter(this, wait ? Timeout.Infinite : 0))
        {
            return;
        }

        try
        {
            if (!_isClosed)
            {
                // A connection that is TCP for good is not asked any more.
                var before = _sampled ?? Figures.None;
                var now = Status == MptcpStatus.Active && TryGetInfo(out var info) ? Figures.Of(info) : before with { Subflows = 0 };
                _services.Metrics.Sampled(now.Since(before));
                _sampled = now;
            }
        }
        finally
        {
            Monitor.Exit(this);
        }
    }

    /// <summary>Takes it off the list, where it is there yet.</summary>
    public void Unlist()
    {
        lock (this)
        {
            if (!_isListed || _isClosed)
            {
                return;
            }

            _isClosed = true;
            if (_isCounted)
            {
                _services.Metrics.ActiveChanged(_countedAs, null);
            }

            if (_sampled is not null)
            {
                _services.Metrics.Sampled(Figures.None with { Subflows = -_sampled.Subflows });
            }
        }

        // Last: when nobody is listed any more, the metrics have counted everybody out.
        _services.Connections.Remove(this);
    }

    protected override void OnSettled(MptcpStatus status)
    {
        if (status == MptcpStatus.FellBack)
        {
            _services.Metrics.CountFellBack();
        }

        if (status == MptcpStatus.FellBack && _isListed)
        {
            _services.Metrics.FellBack();
            lock (this)
            {
                if (_isCounted)
                {
                    CountAs(status);
                }
            }
        }

        base.OnSettled(status);
    }

    /// <summary>Counts it as one of those with this status. Under the lock.</summary>
    private void CountAs(MptcpStatus status)
    {
        if (!_isClosed)
        {
            _services.Metrics.ActiveChanged(_isCounted ? _countedAs : null, status);
            (_countedAs, _isCounted) = (status, true);
        }
    }
}
