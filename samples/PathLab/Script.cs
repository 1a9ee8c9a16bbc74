using System.Globalization;

namespace PathLab;

/// <summary>What to do by itself, and when.</summary>
internal sealed class Script
{
    public TimeSpan? Duration { get; private set; }

    /// <summary>In order of time.</summary>
    public Queue<(TimeSpan At, int Link, bool Cut)> Steps { get; private set; } = [];

    /// <returns>Null when the arguments are not understood.</returns>
    public static Script? Parse(string[] args)
    {
        var script = new Script();
        var steps = new List<(TimeSpan At, int Link, bool Cut)>();
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1].Split('@') : [];
            if (args[i] == "--seconds" && value.Length == 1 && TryParse(value[0], out var seconds))
            {
                script.Duration = TimeSpan.FromSeconds(seconds);
            }
            else if (args[i] is "--cut" or "--restore"
                && value.Length == 2 && value[0] is "1" or "2" && TryParse(value[1], out var at))
            {
                steps.Add((TimeSpan.FromSeconds(at), value[0][0] - '1', args[i] == "--cut"));
            }
            else
            {
                return null;
            }
        }

        script.Steps = new(steps.OrderBy(step => step.At));
        return script;
    }

    private static bool TryParse(string text, out double seconds) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds);
}
