namespace Mptcp.Benchmarks;

/// <summary>How much is measured: enough to tell a hundredth from noise, or as little as shows that everything works.</summary>
internal sealed record Effort
{
    /// <summary>Some seventy minutes.</summary>
    public static readonly Effort Full = new();

    /// <summary>Twenty minutes; what it gives has much noise.</summary>
    public static readonly Effort Short = new()
    {
        Pairs = 31,
        Rounds = 4,
        WarmUp = TimeSpan.FromSeconds(30),
        IdleRounds = 1,
        CurveRounds = 1,
        CurveConnections = [1, 100, 10_000],
        GoodputRounds = 2,
        GoodputWindow = TimeSpan.FromSeconds(1.5),
        Cuts = 4,
    };

    /// <summary>Three minutes, for whoever changes the benchmarks.</summary>
    public static readonly Effort Quick = new()
    {
        IsQuick = true,
        Pairs = 21,
        Rounds = 1,
        WarmUp = TimeSpan.Zero,
        IdleConnections = 1_000,
        IdleRounds = 1,
        CurveRounds = 1,
        CurveConnections = [1, 100],
        GoodputRounds = 1,
        GoodputWindow = TimeSpan.FromSeconds(0.5),
        CongestionControls = ["reno"],
        RoundTrips = [20],
        Cuts = 1,
    };

    public bool IsQuick { get; private init; }

    /// <summary>Of single calls and single requests, one and the other.</summary>
    public int Pairs { get; private init; } = 101;

    /// <summary>Rounds of a load, each with every server once.</summary>
    public int Rounds { get; private init; } = 11;

    public int SliceSeconds { get; private init; } = 1;

    /// <summary>The longest that a server is warmed up for one load; it is over when the rate no longer rises.</summary>
    public TimeSpan WarmUp { get; private init; } = TimeSpan.FromSeconds(60);

    public int IdleConnections { get; private init; } = 10_000;

    public int IdleRounds { get; private init; } = 3;

    public int CurveRounds { get; private init; } = 5;

    public int[] CurveConnections { get; private init; } = [1, 10, 100, 1_000, 10_000];

    public int GoodputRounds { get; private init; } = 5;

    public TimeSpan GoodputWindow { get; private init; } = TimeSpan.FromSeconds(2.5);

    public string[] CongestionControls { get; private init; } = ["reno", "cubic", "bbr"];

    /// <summary>Of the links that are cut, in milliseconds.</summary>
    public int[] RoundTrips { get; private init; } = [0, 20];

    /// <summary>Of each kind.</summary>
    public int Cuts { get; private init; } = 20;
}
