using System.Globalization;

namespace Mptcp.TestNetwork;

/// <summary>How fast a link is, in bits of the IP packets and their frames per second.</summary>
public readonly record struct Rate(long BitsPerSecond)
{
    public static Rate Mbit(double count) => new((long)(count * 1_000_000));

    public static Rate Kbit(double count) => new((long)(count * 1_000));

    /// <summary>The time this many bytes take.</summary>
    public TimeSpan TimeOf(long bytes) => TimeSpan.FromSeconds(bytes * 8.0 / BitsPerSecond);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{BitsPerSecond / 1e6:0.###} Mbit/s");
}
