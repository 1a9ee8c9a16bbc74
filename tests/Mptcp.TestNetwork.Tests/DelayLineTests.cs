using Mptcp.TestNetwork.Wires;

namespace Mptcp.TestNetwork.Tests;

/// <summary>One direction of an emulated link, with a clock of the test's own.</summary>
public sealed class DelayLineTests
{
    private const long Millisecond = 1_000_000;

    private readonly DelayLine _line = new(new Random(1));

    [Fact]
    public void Dequeue_Delay_NotBeforeAndIntact()
    {
        Assert.Equal(long.MaxValue, _line.NextDue);
        Assert.True(_line.TryEnqueue([1, 2, 3], now: 7, new LinkSettings { Delay = TimeSpan.FromMilliseconds(5) }));

        Assert.Equal(7 + (5 * Millisecond), _line.NextDue);
        Assert.False(_line.TryDequeue(_line.NextDue - 1, out _));
        Assert.True(_line.TryDequeue(_line.NextDue, out var packet));
        Assert.Equal([1, 2, 3], packet.ToArray());
        Assert.Equal(long.MaxValue, _line.NextDue);
    }

    [Fact]
    public void Dequeue_Rate_OnePacketAfterTheOther()
    {
        var settings = new LinkSettings { Rate = Rate.Mbit(10), Delay = TimeSpan.FromMilliseconds(3) };
        Assert.Equal(4, EnqueueFull(4, settings));

        foreach (var milliseconds in new[] { 4, 5, 6, 7 })
        {
            Assert.Equal(milliseconds * Millisecond, _line.NextDue);
            Assert.True(_line.TryDequeue(_line.NextDue, out _));
        }
    }

    [Fact]
    public void Enqueue_FullQueue_Dropped() =>
        Assert.Equal(21, EnqueueFull(100, new LinkSettings { Rate = Rate.Mbit(10), Queue = TimeSpan.FromMilliseconds(20) }));

    [Fact]
    public void Enqueue_SlowLink_TakesSomePacketsAllTheSame() =>
        Assert.InRange(EnqueueFull(100, new LinkSettings { Rate = Rate.Kbit(100) }), 10, 20);

    [Fact]
    public void Enqueue_NoRate_Bounded() =>
        Assert.InRange(EnqueueFull(100_000, new LinkSettings { Delay = TimeSpan.FromSeconds(1) }), 1000, 10_000);

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.1, 500, 700)]
    [InlineData(1, 6000, 6000)]
    public void Enqueue_Loss_ThatShareLost(double loss, int atLeast, int atMost) =>
        Assert.InRange(6000 - EnqueueFull(6000, new LinkSettings { Loss = loss }), atLeast, atMost);

    [Fact]
    public void Dequeue_DelayShrank_InOrder()
    {
        _line.TryEnqueue([1], now: 0, new LinkSettings { Delay = TimeSpan.FromMilliseconds(50) });
        _line.TryEnqueue([2], now: 0, new LinkSettings { Delay = TimeSpan.FromMilliseconds(1) });

        Assert.False(_line.TryDequeue(49 * Millisecond, out _));
        Assert.True(_line.TryDequeue(50 * Millisecond, out var packet));
        Assert.Equal([1], packet.ToArray());
        Assert.True(_line.TryDequeue(50 * Millisecond, out packet));
        Assert.Equal([2], packet.ToArray());
    }

    /// <summary>Packets that take a millisecond at 10 Mbit/s, all at the same time.</summary>
    /// <returns>How many were taken.</returns>
    private int EnqueueFull(int count, LinkSettings settings)
    {
        var packet = new byte[1250];
        return Enumerable.Range(0, count).Count(_ => _line.TryEnqueue(packet, now: 0, settings));
    }
}
