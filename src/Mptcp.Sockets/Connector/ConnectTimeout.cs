namespace Mptcp.Sockets;

/// <summary>The caller's cancellation and the time limit as one token. Without a limit it is the caller's own, and costs nothing.</summary>
internal sealed class ConnectTimeout : IDisposable
{
    private static readonly ConnectTimeout s_none = new(null, default);

    private readonly CancellationTokenSource? _source;
    private readonly CancellationToken _caller;

    private ConnectTimeout(CancellationTokenSource? source, CancellationToken caller)
    {
        _source = source;
        _caller = caller;
    }

    public CancellationToken Token => _source?.Token ?? _caller;

    /// <summary>Whether the time is over, and the caller has not cancelled.</summary>
    public bool IsOver => _source is { IsCancellationRequested: true } && !_caller.IsCancellationRequested;

    public static ConnectTimeout Start(TimeSpan timeout, CancellationToken caller)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
        {
            return caller.CanBeCanceled ? new ConnectTimeout(null, caller) : s_none;
        }

        var source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        source.CancelAfter(timeout);
        return new ConnectTimeout(source, caller);
    }

    /// <summary>Throws with the caller's own token when the caller cancelled.</summary>
    public void ThrowIfCancelledByCaller() => _caller.ThrowIfCancellationRequested();

    public void Dispose() => _source?.Dispose();
}
