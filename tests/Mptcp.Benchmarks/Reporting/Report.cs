namespace Mptcp.Benchmarks.Reporting;

/// <summary>Where everything that is measured comes together, to be printed and written.</summary>
internal sealed class Report
{
    private readonly List<Section> _sections = [];

    private readonly string _machine;

    public Report() => _machine = Machine.Describe();

    public Targets Targets { get; } = new();

    public Section AddSection(string title)
    {
        var section = new Section(title);
        _sections.Add(section);
        Console.Error.WriteLine($"\n{title}");
        return section;
    }

    public override string ToString() => string.Join('\n',
    [
        $"""
        # Benchmarks

        Written by `./bench.sh`, which measures all of it anew: no figure of a table was typed. Each is true of this machine, in this hour; what carries
        over to another are the ratios. Where a cell has "a (b to c)", a is the median and b to c the middle half.

        """,
        _machine,
        Targets.ToString(),
        .. _sections.Select(section => section.ToString()),
    ]);
}
