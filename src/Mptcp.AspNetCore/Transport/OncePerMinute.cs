namespace Mptcp.AspNetCore.Transport;

/// <summary>Bounds how often the log says what peers, or a lasting trouble, can bring about again and again. Not for several threads.</summary>
internal sealed class OncePerMinute
{
    private static readonly TimeSpan s_between = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _time;
    private long? _lastAt;

    public OncePerMinute(TimeProvider time) => _time = time;

    /// <returns>True when a minute has passed since it was last true, and the first time.</returns>
    public bool IsDue()
    {
        if (_lastAt is { } lastAt && _time.GetElapsedTime(lastAt) < s_between)
        {
            return false;
        }

        _lastAt = _time.GetTimestamp();
        return true;
    }
}
