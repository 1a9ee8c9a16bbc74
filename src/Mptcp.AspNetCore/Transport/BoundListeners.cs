using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>What Kestrel listens on by our transport, for those who are asked about it later.</summary>
internal sealed class BoundListeners
{
    private readonly ConcurrentDictionary<EndPoint, (MptcpListenerFacts Facts, Socket Socket)> _listeners = new();

    /// <summary>Those that are open, by address.</summary>
    public MptcpListenerFacts[] Open =>
    [
        .. _listeners.Values.Where(listener => !listener.Socket.SafeHandle.IsClosed).Select(listener => listener.Facts)
            .OrderBy(facts => facts.EndPoint.ToString(), StringComparer.Ordinal),
    ];

    /// <param name="mode">The mode asked for.</param>
    /// <param name="listen">The socket that listens.</param>
    public void Add(MptcpMode mode, ListenSocket listen)
    {
        var isMptcp = listen.IsMptcp;
        var facts = new MptcpListenerFacts
        {
            EndPoint = listen.EndPoint,
            IsMptcp = isMptcp,
            Mode = mode,
            CongestionControl = listen.CongestionControl,
            WhyNotMptcp = isMptcp ? null
                : mode == MptcpMode.Disabled ? "It is disabled by configuration."
                : listen.Unavailable is { } support ? support.ToString()
                : listen.IsIP ? $"{ListenSocket.OpenedElsewhere} {ListenSocket.OpenItAsMptcp}"
                : "It is no IP socket.",
        };
        _listeners[listen.EndPoint] = (facts, listen.Socket);
    }
}
