using System.Diagnostics;
using System.Net;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace PathLab;

/// <summary>Shows the paths once a second, redrawn in place on a terminal, and obeys the keys.</summary>
internal sealed class Screen
{
    private readonly MultipathNetwork _network;
    private readonly DownloadServer _server;
    private readonly bool _isInteractive = !Console.IsInputRedirected && !Console.IsOutputRedirected;
    private readonly IAnsiConsole _console;
    private readonly Dictionary<(IPEndPoint Local, IPEndPoint Remote), long> _sentBefore = [];
    private readonly Stopwatch _sinceLastTable = Stopwatch.StartNew();

    public Screen(MultipathNetwork network, DownloadServer server)
    {
        _network = network;
        _server = server;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = _isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        if (!_isInteractive)
        {
            _console.Profile.Width = 80;
        }
    }

    /// <summary>Returns when the user, the script or the download ends it.</summary>
    public Task RunAsync(Script script, Download download, CancellationToken cancellationToken) => _isInteractive
        ? _console.Live(Text.Empty).StartAsync(live => RunAsync(script, download, live.UpdateTarget, cancellationToken))
        : RunAsync(script, download, _console.Write, cancellationToken);

    private async Task RunAsync(Script script, Download download, Action<IRenderable> show, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var tick = second.WaitForNextTickAsync(cancellationToken).AsTask();
        while (!download.IsOver && clock.Elapsed < (script.Duration ?? TimeSpan.MaxValue))
        {
            while (script.Steps.TryPeek(out var step) && step.At <= clock.Elapsed)
            {
                script.Steps.Dequeue();
                await SetAsync(_network.Links[step.Link], step.Cut);
            }

            while (_isInteractive && Console.KeyAvailable)
            {
                switch (Console.ReadKey(intercept: true).KeyChar)
                {
                    case 'q':
                        return;
                    case var key and ('1' or '2'):
                        await SetAsync(_network.Links[key - '1'], cut: _network.Links[key - '1'].State is null);
                        break;
                }
            }

            // Keys are read more often than the table is drawn.
            if (await Task.WhenAny(tick, Task.Delay(50, cancellationToken)) == tick)
            {
                show(Compose(clock.Elapsed));
                tick = second.WaitForNextTickAsync(cancellationToken).AsTask();
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static Task SetAsync(NetworkLink link, bool cut) => (cut, isCut: link.State is not null) switch
    {
        (true, false) => link.CutAsync(Cut.Silent),
        (false, true) => link.RestoreAsync(),
        _ => Task.CompletedTask,
    };

    private Rows Compose(TimeSpan elapsed)
    {
        var seconds = _sinceLastTable.Elapsed.TotalSeconds;
        _sinceLastTable.Restart();
        var paths = (_server.Connection?.GetSubflows() ?? Enumerable.Empty<MptcpSubflow>()).Select(path => (path, rate: RateOf(path, seconds))).ToArray();
        var sum = paths.Sum(shown => shown.rate);

        var table = new Table { Border = TableBorder.None };
        table.AddColumns(new TableColumn(""), new TableColumn("client") { Width = 16, NoWrap = true });
        foreach (var (header, width) in new[] { ("RTT", 9), ("Mbit/s", 8), ("share", 7), ("resent", 8) })
        {
            table.AddColumn(new TableColumn(header) { Width = width, Alignment = Justify.Right });
        }

        table.AddColumn("");
        foreach (var link in _network.Links)
        {
            foreach (var (path, rate) in paths.Where(shown => shown.path.RemoteEndPoint.Address.Equals(link.ClientAddress)))
            {
                table.AddRow(
                    NameOf(link),
                    $"{path.RemoteEndPoint}",
                    Format($"{path.RoundTripTime.TotalMilliseconds:F1} ms"),
                    Format($"{rate:F1}"),
                    Format($"{(sum > 0 ? rate / sum * 100 : 0):F0} %"),
                    Format($"{path.SegmentsRetransmitted}"),
                    path.IsClosed ? "closed" : path.LooksDead ? "looks dead" : "");
            }
        }

        var status = _server.Connection?.Status.ToToken() ?? "none";
        var links = string.Join(", ", _network.Links.Select(link => $"{NameOf(link)} {(link.State is null ? "up" : "CUT")}"));
        var title = new Text(Format($"{elapsed.TotalSeconds,4:F0} s  status {status}, {sum:F1} Mbit/s   {links}"));
        return _isInteractive ? new Rows(title, table, new Text("keys: 1 and 2 cut or restore a link, q quits")) : new Rows(title, table);
    }

    private static string NameOf(NetworkLink link) => Format($"link {link.Index + 1}");

    private static string Format(FormattableString text) => FormattableString.Invariant(text);

    private double RateOf(MptcpSubflow subflow, double seconds)
    {
        var path = (subflow.LocalEndPoint, subflow.RemoteEndPoint);
        var before = _sentBefore.GetValueOrDefault(path);
        _sentBefore[path] = subflow.BytesSent;
        return Math.Max(0, subflow.BytesSent - before) * 8 / seconds / 1e6;
    }
}
