using System.Text;

namespace Mptcp.Benchmarks.Reporting;

/// <summary>A part of the report: what was measured and how, and a table or more.</summary>
internal sealed class Section(string title)
{
    private readonly StringBuilder _text = new($"## {title}\n");

    /// <summary>Sentences.</summary>
    public void Explain(string text) => _text.Append('\n').Append(text.Trim()).Append('\n');

    public Table AddTable(params string[] columns)
    {
        var table = new Table(_text, columns);
        _text.Append('\n');
        table.Add(columns);
        table.Add([.. columns.Select((_, i) => i == 0 ? "---" : "--:")]);
        return table;
    }

    public override string ToString() => _text.ToString();
}

/// <summary>The last thing of its section, until another is begun.</summary>
internal sealed class Table(StringBuilder text, string[] columns)
{
    public void Add(params string[] cells)
    {
        if (cells.Length != columns.Length)
        {
            throw new ArgumentException($"{cells.Length} cells for {columns.Length} columns.", nameof(cells));
        }

        var line = $"| {string.Join(" | ", cells)} |";
        text.Append(line).Append('\n');

        // Whoever waits sees how far it is; the report comes at the end.
        Console.Error.WriteLine(line);
    }
}
