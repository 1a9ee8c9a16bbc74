using System.Diagnostics;
using System.Text;
using Mptcp.Sockets;
using Spectre.Console;

namespace Download;

/// <summary>Standard error: the progress once a second, redrawn in place on a terminal, and notes between.</summary>
internal sealed class Screen : IAsyncDisposable
{
    private readonly Transfer _transfer;
    private readonly PathMeter _paths;
    private readonly IAnsiConsole _console = AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(Console.Error),
        Ansi = Console.IsErrorRedirected ? AnsiSupport.No : AnsiSupport.Detect,
        Interactive = InteractionSupport.Yes,
        Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
    });

    private readonly CancellationTokenSource _end = new();
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private readonly Dictionary<string, long> _before = [];
    private readonly Task _drawing;
    private long _receivedBefore;

    private Screen(Transfer transfer, PathMeter paths)
    {
        _transfer = transfer;
        _paths = paths;
        if (_console.Profile.Capabilities.Ansi)
        {
            _drawing = RedrawAsync();
        }
        else
        {
            // Lines are not wrapped.
            _console.Profile.Width = 10_000;
            _drawing = DrawAsync(() => _console.Write(string.Concat(Compose().Select(line => $"{line}\n"))));
        }
    }

    public static Screen Start(Transfer transfer, PathMeter paths) => new(transfer, paths);

    /// <summary>Prints a line that stays.</summary>
    public void Note(string line) => _console.WriteLine(line);

    /// <summary>Says what there is to say at the end.</summary>
    public async Task FinishAsync()
    {
        await DisposeAsync();
        var seconds = _transfer.Elapsed.TotalSeconds;
        var text = new StringBuilder();
        text.Append($"{_transfer.Name}: {_transfer.Length:N0} bytes");
        text.Append(_transfer.Received < _transfer.Length ? $", {_transfer.Received:N0} of them now," : "");
        text.Append($" in {seconds:F1} s, {Mbit(_transfer.Received / seconds).TrimStart()} on average\n");
        if (_paths.Status is { } status)
        {
            text.Append($"status {status.ToToken()}{(_paths.IsComplete ? "" : " when last asked")}: {status.Explain()}\n");
            text.Append(status == MptcpStatus.Unavailable ? $"{MptcpSupport.Check()}\n" : "");
        }

        var paths = _paths.Paths;
        var sum = paths.Sum(path => path.Bytes);
        foreach (var path in paths)
        {
            text.Append($"  {path.Name,-40} {(_paths.IsComplete ? "" : "≥ ") + $"{path.Bytes:N0}",15} bytes {Share(path.Bytes, sum)}\n");
        }

        _console.Write(text.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _drawing;
    }

    private Task RedrawAsync()
    {
        string[] lines = [];
        return _console.Progress()
            .AutoRefresh(false)
            .AutoClear(true)
            .ExcludeVerticalPadding()
            .Columns(new ProgressBarColumn())
            .UseRenderHook((bar, tasks) => new Rows([.. tasks.Select(_ => bar), .. lines.Select(line => new Text(line) { Overflow = Overflow.Ellipsis })]))
            .StartAsync(async progress =>
            {
                ProgressTask? task = null;
                await DrawAsync(() =>
                {
                    lines = Compose();
                    if (_transfer.WholeLength is > 0 and var whole)
                    {
                        task ??= progress.AddTask("download");
                        task.MaxValue(whole).Value(_transfer.Length);
                    }

                    progress.Refresh();
                });
            });
    }

    private async Task DrawAsync(Action draw)
    {
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await second.WaitForNextTickAsync(_end.Token))
            {
                // Before the first response there is nothing to show.
                if (_paths.Status is not null)
                {
                    draw();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <returns>A line for the total, and one for each path.</returns>
    private string[] Compose()
    {
        _paths.Measure();
        var seconds = _sinceLast.Elapsed.TotalSeconds;
        _sinceLast.Restart();
        var received = _transfer.Received;
        var rate = (received - _receivedBefore) / seconds;
        _receivedBefore = received;

        var length = _transfer.Length;
        var whole = _transfer.WholeLength is > 0 and var known ? known : (long?)null;
        var progress = whole is null ? $"{Size(length)}" : $"{Math.Floor(Math.Min(1, (double)length / whole.Value) * 100),3} % {Size(length)} of {Size(whole.Value)}";
        var state = _paths switch
        {
            { IsConnected: false } => "disconnected",
            _ when whole is null => _paths.Status?.ToToken(),
            _ when rate > 0 => $"{TimeSpan.FromSeconds(Math.Min(Math.Ceiling((whole.Value - length) / rate), 86_399)):hh\\:mm\\:ss} left  {_paths.Status?.ToToken()}",
            _ => $"stalled  {_paths.Status?.ToToken()}",
        };

        // Also those that have ended since, because the total includes them.
        var paths = _paths.Paths.Select(path => (path, rate: RateOf(path, seconds))).Where(shown => shown.path.IsOpen || shown.rate > 0).ToArray();
        var sum = paths.Sum(shown => shown.rate);
        return
        [
            $"{progress} {Mbit(rate)}  {state}",
            .. paths.Select(shown => $"  {shown.path.Name,-40} {Mbit(shown.rate)} {Share(shown.rate, sum)}  RTT {shown.path.RoundTripTime.TotalMilliseconds:F2} ms"),
        ];
    }

    private double RateOf(PathFigures path, double seconds)
    {
        var before = _before.GetValueOrDefault(path.Name);
        _before[path.Name] = path.Bytes;
        return (path.Bytes - before) / seconds;
    }

    private static string Mbit(double bytesPerSecond) => $"{bytesPerSecond * 8 / 1e6,7:F1} Mbit/s";

    private static string Share(double part, double whole) => $"{(whole > 0 ? part / whole * 100 : 0),4:F0} %";

    private static string Size(long bytes) => bytes < 1_000_000_000 ? $"{bytes / 1e6:F1} MB" : $"{bytes / 1e9:F2} GB";
}
