using System.Diagnostics;
using System.Text;
using Mptcp.Sockets;

namespace Download;

/// <summary>Standard error: the progress once a second, redrawn in place on a terminal, and what is noted between.</summary>
internal sealed class Screen : IAsyncDisposable
{
    private const int BarWidth = 24;

    private readonly Transfer _transfer;
    private readonly PathMeter _paths;
    private readonly bool _isTerminal = !Console.IsErrorRedirected;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private readonly Dictionary<string, long> _before = [];
    private readonly Task _drawing;
    private long _receivedBefore;
    private int _linesDrawn;

    private Screen(Transfer transfer, PathMeter paths)
    {
        _transfer = transfer;
        _paths = paths;
        _drawing = DrawAsync();
    }

    public static Screen Start(Transfer transfer, PathMeter paths) => new(transfer, paths);

    /// <summary>Prints a line that stays.</summary>
    public void Note(string line) => Print(line + '\n', stays: true);

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
            text.Append($"status {status.ToToken()}: {status.Explain()}\n");
            text.Append(status == MptcpStatus.Unavailable ? $"{MptcpSupport.Check()}\n" : "");
        }

        var paths = _paths.Paths;
        var sum = paths.Sum(path => path.Bytes);
        foreach (var path in paths)
        {
            text.Append($"  {path.Name,-44} {path.Bytes,15:N0} bytes {Share(path.Bytes, sum)}\n");
        }

        Print(text.ToString(), stays: true);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _drawing;
        Print("", stays: true);
    }

    private async Task DrawAsync()
    {
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await second.WaitForNextTickAsync(_end.Token))
            {
                // Before the first response there is nothing to show.
                if (_paths.Status is not null)
                {
                    Print(Compose(), stays: false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private void Print(string text, bool stays)
    {
        lock (_lock)
        {
            // Over the progress before. Lines that are too long are cut off by the terminal: their number must be what was counted.
            var clear = _linesDrawn > 0 ? $"\e[{_linesDrawn}F\e[J" : "";
            Console.Error.Write(_isTerminal && !stays ? $"{clear}\e[?7l{text}\e[?7h" : clear + text);
            _linesDrawn = _isTerminal && !stays ? text.Count(c => c == '\n') : 0;
        }
    }

    private string Compose()
    {
        _paths.Measure();
        var seconds = _sinceLast.Elapsed.TotalSeconds;
        _sinceLast.Restart();
        var received = _transfer.Received;
        var rate = (received - _receivedBefore) / seconds;
        _receivedBefore = received;

        var text = new StringBuilder();
        var length = _transfer.Length;
        if (_transfer.WholeLength is > 0 and var whole)
        {
            var done = Math.Clamp((double)length / whole, 0, 1);
            text.Append($"{Math.Floor(done * 100),3} % ");
            text.Append(_isTerminal ? $"[{new string('#', (int)(done * BarWidth)).PadRight(BarWidth, '.')}] " : "");
            text.Append($"{Size(length)} of {Size(whole)} {Mbit(rate)}");
            text.Append(rate > 0 ? $"  {TimeSpan.FromSeconds(Math.Min(Math.Ceiling((whole - length) / rate), 86_399)):hh\\:mm\\:ss} left" : "  stalled");
        }
        else
        {
            text.Append($"{Size(length)} {Mbit(rate)}");
        }

        text.Append(_paths.Status is { } status ? $"  {status.ToToken()}\n" : "\n");

        // Also those that have ended since, for the total is made up of them too.
        var paths = _paths.Paths.Select(path => (path, rate: RateOf(path, seconds))).Where(shown => shown.path.IsOpen || shown.rate > 0).ToArray();
        var sum = paths.Sum(path => path.rate);
        foreach (var (path, pathRate) in paths)
        {
            text.Append($"  {path.Name,-44} {Mbit(pathRate)} {Share(pathRate, sum)}  RTT {path.RoundTripTime.TotalMilliseconds:F2} ms\n");
        }

        return text.ToString();
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
