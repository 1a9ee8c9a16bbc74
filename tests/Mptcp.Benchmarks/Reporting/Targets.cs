using System.Globalization;
using System.Text;

namespace Mptcp.Benchmarks.Reporting;

/// <summary>What was promised, and what became of it.</summary>
internal sealed class Targets
{
    private readonly List<string> _rows = [];

    /// <param name="what">What is measured.</param>
    /// <param name="figure">What it is.</param>
    /// <param name="minimum">What it has to be at least.</param>
    /// <param name="noise">How far the control row's median may be from 1 by chance; null where there is none.</param>
    /// <param name="format">Of the figures.</param>
    public void AtLeast(string what, double figure, double minimum, double? noise, string format = "F3") =>
        Add(what, figure, "≥", minimum, noise, figure >= minimum, figure >= minimum - (noise ?? 0), format);

    /// <param name="what">What is measured.</param>
    /// <param name="figure">What it is.</param>
    /// <param name="maximum">What it has to be at most.</param>
    /// <param name="format">Of the figures.</param>
    public void AtMost(string what, double figure, double maximum, string format = "F0") =>
        Add(what, figure, "≤", maximum, null, figure <= maximum, isMetWithinNoise: false, format);

    public override string ToString()
    {
        if (_rows.Count == 0)
        {
            return "";
        }

        var text = new StringBuilder("""
            ## Targets

            "Met within noise": short of the target by less than the noise, which is how far the median of the control row, the same
            program against itself, may be from 1 by chance (the farther end of its 95 % interval).

            | what | figure | target | noise | |
            |---|--:|--:|--:|---|

            """);
        foreach (var row in _rows)
        {
            text.Append(row).Append('\n');
        }

        return text.ToString();
    }

    private void Add(string what, double figure, string relation, double target, double? noise, bool isMet, bool isMetWithinNoise, string format)
    {
        var verdict = isMet ? "met" : isMetWithinNoise ? "met within noise" : "**missed**";
        _rows.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"| {what} | {Text(figure)} | {relation} {Text(target)} | {(noise is { } value ? $"± {Text(value)}" : "")} | {verdict} |"));

        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }
}
