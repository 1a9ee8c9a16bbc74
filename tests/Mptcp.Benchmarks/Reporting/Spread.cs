using System.Globalization;

namespace Mptcp.Benchmarks.Reporting;

/// <summary>The same thing measured many times.</summary>
internal sealed class Spread
{
    private readonly double[] _sorted;

    public Spread(IEnumerable<double> values)
    {
        _sorted = [.. values.Order()];
        ArgumentOutOfRangeException.ThrowIfZero(_sorted.Length, nameof(values));
    }

    public int Count => _sorted.Length;

    public double Median => At(0.5);

    public double Maximum => _sorted[^1];

    public double Minimum => _sorted[0];

    /// <summary>Between the two values next to it, by how near it is to each.</summary>
    public double At(double share)
    {
        var position = share * (_sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, _sorted.Length - 1);
        return _sorted[below] + ((position - below) * (_sorted[above] - _sorted[below]));
    }

    /// <summary>
    /// How far from 1 the median may be by chance, when this is a thing against itself: the farther end of the interval in which the
    /// median lies with 95 %. It is that between two of the values in their order, whatever their distribution.
    /// </summary>
    public double Noise
    {
        get
        {
            var ranks = 0.98 * Math.Sqrt(Count);
            var low = _sorted[Math.Max(0, (int)Math.Floor((Count / 2.0) - ranks))];
            var high = _sorted[Math.Min(Count - 1, (int)Math.Ceiling((Count / 2.0) + ranks - 1))];
            return Math.Max(Math.Abs(low - 1), Math.Abs(high - 1));
        }
    }

    /// <summary>The median, and the middle half.</summary>
    public string ToString(string format) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Median.ToString(format, CultureInfo.InvariantCulture)} ({At(0.25).ToString(format, CultureInfo.InvariantCulture)} to {At(0.75).ToString(format, CultureInfo.InvariantCulture)})");

    public override string ToString() => ToString("F3");
}
