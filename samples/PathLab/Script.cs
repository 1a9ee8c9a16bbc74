using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace PathLab;

/// <summary>A link to cut or to restore.</summary>
/// <param name="At">The time since the start.</param>
/// <param name="Link">The index of the link.</param>
/// <param name="Cut">Whether to cut it; otherwise restore it.</param>
internal sealed record Step(TimeSpan At, int Link, bool Cut);

/// <summary>The command line.</summary>
/// <param name="Duration">The time after which the download ends; <see langword="null"/> when the user ends it.</param>
/// <param name="Steps">In order of time.</param>
internal sealed record Script(TimeSpan? Duration, Queue<Step> Steps)
{
    public static RootCommand CreateCommand(Func<Script, Task<int>> run)
    {
        var seconds = new Option<TimeSpan?>("--seconds")
        {
            HelpName = "N",
            Description = "End the download after N seconds; without it, when you press q.",
            CustomParser = result => ParseSeconds(result.Tokens[0].Value)
                ?? Fail<TimeSpan?>(result, $"--seconds: expected a number of seconds, not '{result.Tokens[0].Value}'"),
        };
        var cut = CreateStepOption("--cut", "Cut link 1 or 2 after so many seconds.");
        var restore = CreateStepOption("--restore", "Restore it.");
        var command = new RootCommand("Joins a server and a client by two links of 50 Mbit/s, and downloads over both. Needs root.")
        {
            seconds, cut, restore,
        };
        command.SetAction(result =>
        {
            var steps = new[] { cut, restore }.SelectMany(option => result.GetValue(option) ?? []).OrderBy(step => step.At);
            return run(new Script(result.GetValue(seconds), new Queue<Step>(steps)));
        });
        return command;
    }

    private static Option<Step[]> CreateStepOption(string name, string description) => new(name)
    {
        HelpName = "LINK@SECOND",
        Description = $"{description} May be repeated.",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result => [.. result.Tokens.Select(token =>
            token.Value.Split('@') is [("1" or "2") and var link, var second] && ParseSeconds(second) is { } at
                ? new Step(at, link[0] - '1', Cut: name == "--cut")
                : Fail<Step>(result, $"{name}: expected LINK@SECOND with link 1 or 2, not '{token.Value}'")!)],
    };

    private static TimeSpan? ParseSeconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds < 1e9
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static T? Fail<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }
}
