using System.Collections.Immutable;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The listeners of our transport, for the health check, the doctor and the log.</summary>
internal sealed class BoundListeners
{
    private ImmutableArray<BoundListener> _listeners = [];

    /// <summary>Whether any endpoint was ever bound: an application that stops has none left.</summary>
    public bool WasBound { get; private set; }

    /// <summary>All that are bound, those that are lost included, ordered by address.</summary>
    public ImmutableArray<BoundListener> All => _listeners;

    /// <summary>The facts of those that accept, ordered by address.</summary>
    public MptcpListenerFacts[] Open => [.. All.Where(listener => !listener.IsLost).Select(listener => listener.Facts)];

    /// <param name="settings">The settings of the endpoint.</param>
    /// <param name="listen">The socket that listens.</param>
    public BoundListener Add((MptcpMode Mode, MptcpFallback Fallback, bool IsLifted) settings, ListenSocket listen)
    {
        var facts = new MptcpListenerFacts
        {
            EndPoint = listen.EndPoint,
            IsMptcp = listen.IsMptcp,
            Mode = settings.Mode,
            CongestionControl = listen.CongestionControl,
            WhyNotMptcp = listen.IsMptcp ? null
                : settings.Mode == MptcpMode.Disabled ? "It is disabled by configuration."
                : listen.Unavailable is { } support ? support.ToString()
                : listen.IsIP ? $"{ListenSocket.OpenedElsewhere} {ListenSocket.OpenItAsMptcp}"
                : "It is no IP socket.",
        };
        var listener = new BoundListener(this, facts, settings.IsLifted && listen.IsIP);
        ImmutableInterlocked.Update(
            ref _listeners,
            (listeners, added) => [.. listeners.Add(added).OrderBy(listener => listener.Facts.EndPoint.ToString(), StringComparer.Ordinal)],
            listener);
        WasBound = true;
        return listener;
    }

    public void Remove(BoundListener listener) =>
        ImmutableInterlocked.Update(ref _listeners, static (listeners, removed) => listeners.Remove(removed), listener);
}
