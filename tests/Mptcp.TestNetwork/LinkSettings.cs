namespace Mptcp.TestNetwork;

/// <summary>What a link does to packets, the same in both directions.</summary>
public sealed record LinkSettings
{
    /// <summary>Null: as fast as the machine is.</summary>
    public Rate? Rate { get; init; }

    /// <summary>One way; a round trip takes twice as long.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The share of packets that are lost by chance, from 0 to 1, in each direction.</summary>
    public double Loss { get; init; }

    /// <summary>The longest a packet waits for those before it, without <see cref="Delay"/>; what would wait longer is dropped.</summary>
    public TimeSpan Queue { get; init; } = TimeSpan.FromMilliseconds(50);

    internal void Validate()
    {
        if (Rate is { } rate)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate.BitsPerSecond, nameof(Rate));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(Delay, TimeSpan.Zero, nameof(Delay));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Queue, TimeSpan.Zero, nameof(Queue));
        ArgumentOutOfRangeException.ThrowIfNegative(Loss, nameof(Loss));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Loss, 1, nameof(Loss));
    }
}
