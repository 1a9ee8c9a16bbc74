using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>What Kestrel listens on by our transport, for those who are asked about it later.</summary>
internal sealed class BoundListeners
{
    private readonly ConcurrentDictionary<EndPoint, (MptcpListenerFacts Facts, Socket? Socket)> _listeners = new();

    /// <summary>Those that are open, by address.</summary>
    public MptcpListenerFacts[] Open =>
    [
        .. _listeners.Values.Where(listener => listener.Socket?.SafeHandle.IsClosed != true).Select(listener => listener.Facts)
            .OrderBy(facts => facts.EndPoint.ToString(), StringComparer.Ordinal),
    ];

    /// <param name="endPoint">The address that was bound.</param>
    /// <param name="mode">The mode asked for.</param>
    /// <param name="listen">Null where Kestrel's own socket is used as it is.</param>
    /// <param name="congestionControl">What was set on the socket.</param>
    public void Add(EndPoint endPoint, MptcpMode mode, ListenSocket? listen, string? congestionControl)
    {
        var isMptcp = listen is { IsMptcp: true };
        var facts = new MptcpListenerFacts
        {
            EndPoint = endPoint,
            IsMptcp = isMptcp,
            Mode = mode,
            CongestionControl = listen is { IsIP: true } ? congestionControl : null,
            WhyNotMptcp = isMptcp ? null
                : mode == MptcpMode.Disabled ? "It is disabled by configuration."
                : listen?.Unavailable is { } support ? support.ToString()
                : listen is { IsIP: true } ? $"{ListenSocket.OpenedElsewhere} {ListenSocket.OpenItAsMptcp}"
                : "It is no IP socket.",
        };
        _listeners[endPoint] = (facts, listen?.Socket);
    }
}
