using System.Diagnostics;
using System.Globalization;
using Mptcp.Benchmarks;
using Mptcp.Benchmarks.Client;
using Mptcp.Benchmarks.EndToEnd;
using Mptcp.Benchmarks.Micro;
using Mptcp.Benchmarks.Network;
using Mptcp.Benchmarks.Reporting;

// The processes of the section "client"; its HTTP server is the test server.
switch (args)
{
    case [EchoServer.Argument]:
        EchoServer.Run();
        return 0;

    case [HttpClientBenchmark.ClientArgument, var pairs]:
        HttpClientBenchmark.Compare(int.Parse(pairs, CultureInfo.InvariantCulture));
        return 0;
}

(string Name, Func<Report, Effort, Task> RunAsync)[] sections =
[
    ("requests", EndToEndSection.RunAsync),
    ("curve", CurveSection.RunAsync),
    ("idle", IdleSection.RunAsync),
    ("goodput", GoodputSection.RunAsync),
    ("stall", StallSection.RunAsync),
    ("micro", MicroSection.RunAsync),
    ("server", ServerBenchmark.RunAsync),
    ("features", FeaturesBenchmark.RunAsync),
    ("client", HttpClientBenchmark.RunAsync),
];

var effort = Effort.Full;
string? output = null;
var chosen = new List<string>();
foreach (var argument in args)
{
    switch (argument)
    {
        case "--quick":
            effort = Effort.Quick;
            break;
        case "--short":
            effort = Effort.Short;
            break;
        case var _ when argument.StartsWith("--output=", StringComparison.Ordinal):
            output = argument["--output=".Length..];
            break;
        case var _ when sections.Any(section => section.Name == argument):
            chosen.Add(argument);
            break;
        default:
            Console.Error.WriteLine($"""
                {argument}? Sections, all of them without one: {string.Join(", ", sections.Select(section => section.Name))}
                --short     measures less: twenty minutes instead of some seventy
                --quick     measures so little that the figures mean nothing: three minutes
                --output=F  writes the report to the file F as well
                """);
            return 2;
    }
}

if (!Environment.IsPrivilegedProcess)
{
    Console.Error.WriteLine("The benchmarks make network namespaces, and state the congestion control in them: they need root.");
    return 1;
}

var report = new Report();
var failures = 0;
foreach (var (name, runAsync) in sections)
{
    if (chosen.Count == 0 || chosen.Contains(name))
    {
        var clock = Stopwatch.StartNew();
        try
        {
            await runAsync(report, effort);
        }
        catch (Exception e)
        {
            // The other sections are worth having, and this one says so.
            Console.Error.WriteLine(e);
            report.AddSection($"{name}: not measured").Explain(e.Message.Split('\n')[0]);
            failures++;
        }

        // After each section: a run that is ended leaves what it has.
        if (output is not null)
        {
            await File.WriteAllTextAsync(output, $"{report}");
        }

        Console.Error.WriteLine($"({name}: {clock.Elapsed.TotalSeconds:F0} s)");
    }
}

Console.WriteLine(report);

return failures == 0 ? 0 : 1;
