namespace Mptcp.TestNetwork.Wires;

/// <summary>One direction of an emulated link: when which packet comes out. Times are nanoseconds of one monotonic clock.</summary>
internal sealed class DelayLine(Random random)
{
    /// <summary>Of a device with an MTU of 1500.</summary>
    public const int MaximumPacketSize = 2048;

    /// <summary>100 Mbit/s with a delay of a second, in full packets: what is beyond is dropped, whatever the settings say.</summary>
    private const int MaximumPackets = 8192;

    /// <summary>However slow the link is, so many full packets may wait: with fewer TCP never gets going.</summary>
    private const int MinimumQueueBytes = 10 * 1500;

    private readonly Queue<(byte[] Buffer, int Length, long Due)> _packets = new();
    private readonly Stack<byte[]> _free = new();
    private long _lineFreeAt;
    private long _lastDue;

    /// <summary>When the first packet comes out, or <see cref="long.MaxValue"/>.</summary>
    public long NextDue => _packets.TryPeek(out var first) ? first.Due : long.MaxValue;

    /// <summary>Takes a packet in, unless it is lost by chance or the queue is full.</summary>
    public bool TryEnqueue(ReadOnlySpan<byte> packet, long now, LinkSettings settings)
    {
        if (_packets.Count >= MaximumPackets || random.NextDouble() < settings.Loss)
        {
            return false;
        }

        var leaves = now;
        if (settings.Rate is { } rate)
        {
            var starts = Math.Max(now, _lineFreeAt);
            if (starts - now > Nanoseconds(Max(settings.Queue, rate.TimeOf(MinimumQueueBytes))))
            {
                return false;
            }

            leaves = _lineFreeAt = starts + Nanoseconds(rate.TimeOf(packet.Length));
        }

        // Never before the packet ahead, also when the delay or the rate has changed since.
        _lastDue = Math.Max(_lastDue, leaves + Nanoseconds(settings.Delay));
        if (!_free.TryPop(out var buffer))
        {
            buffer = new byte[MaximumPacketSize];
        }

        packet.CopyTo(buffer);
        _packets.Enqueue((buffer, packet.Length, _lastDue));
        return true;
    }

    /// <summary>The next packet that is due.</summary>
    /// <param name="now">The time.</param>
    /// <param name="packet">Valid until the next packet is taken in.</param>
    public bool TryDequeue(long now, out ReadOnlySpan<byte> packet)
    {
        if (NextDue > now)
        {
            packet = default;
            return false;
        }

        var (buffer, length, _) = _packets.Dequeue();
        _free.Push(buffer);
        packet = buffer.AsSpan(0, length);
        return true;
    }

    private static long Nanoseconds(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
