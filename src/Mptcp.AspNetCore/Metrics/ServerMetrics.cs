using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Mptcp.AspNetCore.Connections;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>The instruments of the meter <c>Mptcp.AspNetCore</c>.</summary>
/// <remarks>Those who listen are the application's and can throw: no connection ends by that.</remarks>
internal sealed class ServerMetrics
{
    public const string MeterName = "Mptcp.AspNetCore";
    public const string StatusTag = "mptcp.status";

    // Values of mptcp.rejection.stage.
    public const string Connection = "connection";
    public const string Request = "request";
    public const string Monitored = "monitored";

    private readonly Counter<long> _connections;
    private readonly UpDownCounter<long> _active;
    private readonly Counter<long> _fallbacks;
    private readonly Counter<long> _rejections;
    private readonly Counter<long> _acceptErrors;
    private readonly Instrument[] _sampled;
    private long _sent;
    private long _received;
    private long _retransmitted;
    private long _subflows;
    private long _accepted;
    private long _negotiated;
    private long _fellBack;

    public ServerMetrics(IMeterFactory meterFactory)
    {
        var meter = meterFactory.Create(MeterName);
        _connections = meter.CreateCounter<long>(
            "mptcp.server.connections", "{connection}", "Connections accepted, by what they speak.");
        _active = meter.CreateUpDownCounter<long>(
            "mptcp.server.connection.active", "{connection}", "Connections that are open, by what they speak.");
        _fallbacks = meter.CreateCounter<long>(
            "mptcp.server.fallbacks", "{connection}", "Connections that spoke Multipath TCP when accepted and fell back to TCP later.");
        _rejections = meter.CreateCounter<long>(
            "mptcp.server.rejections", "{rejection}", "Connections and requests that were rejected for want of Multipath TCP, or would have been.");
        _acceptErrors = meter.CreateCounter<long>(
            "mptcp.server.accept.errors", "{error}", "Attempts to accept a connection that failed.");
        _sampled =
        [
            meter.CreateObservableUpDownCounter(
                "mptcp.server.subflow.active", () => Interlocked.Read(ref _subflows), "{subflow}", "Subflows of the connections that are open, as last sampled."),
            meter.CreateObservableCounter(
                "mptcp.server.io", ObserveIO, "By", "Bytes that Multipath TCP connections carried, as last sampled."),
            meter.CreateObservableCounter(
                "mptcp.server.retransmitted", () => Interlocked.Read(ref _retransmitted), "By", "Bytes that Multipath TCP connections sent again, as last sampled."),
        ];
    }

    /// <summary>Whether somebody listens to what the sampler reads.</summary>
    public bool WantsSamples => _sampled.Any(instrument => instrument.Enabled);

    /// <summary>Whether somebody listens to what is asked of a connection when it is accepted.</summary>
    public bool WantsConnections => _connections.Enabled || _active.Enabled;

    /// <summary>The connections since start. Counted whether or not an instrument is listened to.</summary>
    public MptcpConnectionFacts Connections => new()
    {
        Accepted = Interlocked.Read(ref _accepted),
        Negotiated = Interlocked.Read(ref _negotiated),
        FellBack = Interlocked.Read(ref _fellBack),
    };

    /// <param name="isMptcp">Whether the connection was Multipath TCP when it was accepted.</param>
    public void CountAccepted(bool isMptcp)
    {
        Interlocked.Increment(ref _accepted);
        if (isMptcp)
        {
            Interlocked.Increment(ref _negotiated);
        }
    }

    public void CountFellBack() => Interlocked.Increment(ref _fellBack);

    public void Accepted(MptcpStatus status) => Add(_connections, Tag(status));

    public void ActiveChanged(MptcpStatus? before, MptcpStatus? after)
    {
        if (before is { } was)
        {
            Add(_active, -1, Tag(was));
        }

        if (after is { } now)
        {
            Add(_active, 1, Tag(now));
        }
    }

    public void FellBack() => Add(_fallbacks, Tag(MptcpStatus.FellBack));

    public void Rejected(MptcpStatus status, string stage) =>
        Add(_rejections, Tag(status), new KeyValuePair<string, object?>("mptcp.rejection.stage", stage));

    public void AcceptFailed(Exception exception)
    {
        var type = exception is SocketException socket ? socket.SocketErrorCode.ToString() : exception.GetType().FullName;
        Add(_acceptErrors, new KeyValuePair<string, object?>("error.type", type));
    }

    public void Sampled(Figures more)
    {
        Interlocked.Add(ref _sent, more.Sent);
        Interlocked.Add(ref _received, more.Received);
        Interlocked.Add(ref _retransmitted, more.Retransmitted);
        Interlocked.Add(ref _subflows, more.Subflows);
    }

    private static void Add(Counter<long> counter, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        try
        {
            counter.Add(1, tags);
        }
        catch (Exception)
        {
            // Its listener's: nothing here failed.
        }
    }

    private static void Add(UpDownCounter<long> counter, long change, KeyValuePair<string, object?> tag)
    {
        try
        {
            counter.Add(change, tag);
        }
        catch (Exception)
        {
            // As above.
        }
    }

    private static KeyValuePair<string, object?> Tag(MptcpStatus status) => new(StatusTag, status.ToTagValue());

    private IEnumerable<Measurement<long>> ObserveIO() =>
    [
        new(Interlocked.Read(ref _sent), new KeyValuePair<string, object?>("network.io.direction", "transmit")),
        new(Interlocked.Read(ref _received), new KeyValuePair<string, object?>("network.io.direction", "receive")),
    ];
}
