using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>The feature of an accepted connection, its place in the list, and what the metrics have counted of it.</summary>
/// <remarks>
/// Applications hold this object as <see cref="IMptcpFeature"/> and may lock it, and their loggers and meter listeners run while it
/// changes. So it has no lock: each change is one exchange of a word, and the sums are corrected after it.
/// </remarks>
internal sealed class ConnectionEntry : MptcpConnectionFeature
{
    // Values of _state. A connection that is counted has Counted plus the status that it is counted with.
    private const int NotListed = 0;
    private const int Listed = 1;
    private const int Closed = 2;
    private const int Counted = 3;

    private readonly ConnectionServices _services;
    private readonly long _sinceTicks;
    private Figures _sampled = Figures.None;
    private int _state;

    public ConnectionEntry(Socket socket, bool openedAsMptcp, ConnectionContext connection, ConnectionServices services)
        : base(socket, openedAsMptcp, connection)
    {
        _services = services;
        _sinceTicks = services.Time.GetUtcNow().UtcTicks;
    }

    // Used by the list, under its lock.
    public ConnectionEntry? Next { get; set; }

    public ConnectionEntry? Previous { get; set; }

    protected override ILogger Logger => _services.Logger;

    protected override LogLevel FallbackLogLevel => _services.FallbackLogLevel;

    /// <summary>The time since the connection was accepted.</summary>
    public TimeSpan Age => TimeSpan.FromTicks(_services.Time.GetUtcNow().UtcTicks - _sinceTicks);

    public MptcpServerConnection Show() => new(Connection, this, new DateTimeOffset(_sinceTicks, TimeSpan.Zero));

    /// <summary>Lists the connection until <see cref="Unlist"/>.</summary>
    public void List()
    {
        Volatile.Write(ref _state, Listed);
        _services.Connections.Add(this);
        if (_services.Metrics.WantsConnections)
        {
            CountAs(Status, isNew: true);

            // Another thread that saw a fallback in the meantime did not find the connection counted.
            if (Status == MptcpStatus.FellBack)
            {
                CountAs(MptcpStatus.FellBack);
            }
        }
    }

    /// <summary>
    /// Called by the sampler. Also removes connections from the list whose peer is gone and that Kestrel does not dispose of: Kestrel keeps
    /// no reference to a request that never completes, and neither may the list.
    /// </summary>
    public void Visit()
    {
        SampleIfWanted();
        if (Connection.ConnectionClosed.IsCancellationRequested)
        {
            Unlist();
        }
    }

    /// <summary>Reads the figures when a meter listener wants them, and adds the difference to the sums.</summary>
    public void SampleIfWanted()
    {
        if (!_services.Metrics.WantsSamples)
        {
            return;
        }

        Figures before;
        Figures now;
        do
        {
            before = Volatile.Read(ref _sampled);
            if (ReferenceEquals(before, Figures.Closed))
            {
                return;
            }

            // A connection that is TCP for good is not asked any more.
            now = Status == MptcpStatus.Active && TryGetInfo(out var info) ? Figures.Of(info)
                : before.Subflows == 0 ? before
                : before with { Subflows = 0 };
        }
        while (!ReferenceEquals(Interlocked.CompareExchange(ref _sampled, now, before), before));

        _services.Metrics.Sampled(now.Since(before));
    }

    /// <summary>Removes the connection from the list, if it is there.</summary>
    public void Unlist()
    {
        int state;
        do
        {
            state = Volatile.Read(ref _state);
            if (state is NotListed or Closed)
            {
                return;
            }
        }
        while (Interlocked.CompareExchange(ref _state, Closed, state) != state);

        if (state >= Counted)
        {
            _services.Metrics.ActiveChanged((MptcpStatus)(state - Counted), null);
        }

        var sampled = Interlocked.Exchange(ref _sampled, Figures.Closed);
        _services.Metrics.Sampled(Figures.None with { Subflows = -sampled.Subflows });

        // Last: when the list is empty, the metrics have counted all connections out.
        _services.Connections.Remove(this);
    }

    protected override void OnSettled(MptcpStatus status)
    {
        if (status == MptcpStatus.FellBack)
        {
            _services.Metrics.CountFellBack();
        }

        if (status == MptcpStatus.FellBack && Volatile.Read(ref _state) != NotListed)
        {
            _services.Metrics.FellBack();
            CountAs(status);
        }

        base.OnSettled(status);
    }

    /// <summary>Counts an open connection with this status instead of the one it was counted with.</summary>
    /// <param name="status">The status.</param>
    /// <param name="isNew">Whether a connection that was not counted before is counted too.</param>
    private void CountAs(MptcpStatus status, bool isNew = false)
    {
        var after = Counted + (int)status;
        int before;
        do
        {
            before = Volatile.Read(ref _state);
            if (before is NotListed or Closed || before == after || (before == Listed && !isNew))
            {
                return;
            }
        }
        while (Interlocked.CompareExchange(ref _state, after, before) != before);

        _services.Metrics.ActiveChanged(before == Listed ? null : (MptcpStatus)(before - Counted), status);
    }
}
