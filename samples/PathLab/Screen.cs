using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace PathLab;

/// <summary>The table, each second anew, and the keys.</summary>
internal sealed class Screen
{
    private readonly MultipathNetwork _network;
    private readonly DownloadServer _server;
    private readonly bool _interactive;
    private readonly Dictionary<(IPEndPoint Local, IPEndPoint Remote), long> _sentBefore = [];
    private readonly Stopwatch _sinceLastTable = new();

    public Screen(MultipathNetwork network, DownloadServer server, bool interactive)
    {
        _network = network;
        _server = server;
        _interactive = interactive;
    }

    /// <summary>Until the user, the script or the download ends it.</summary>
    public async Task RunAsync(Script script, Download download)
    {
        var clock = Stopwatch.StartNew();
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var tick = second.WaitForNextTickAsync().AsTask();
        _sinceLastTable.Start();
        while (!download.IsOver && clock.Elapsed < (script.Duration ?? TimeSpan.MaxValue))
        {
            while (script.Steps.TryPeek(out var step) && step.At <= clock.Elapsed)
            {
                script.Steps.Dequeue();
                await SetAsync(step.Link, step.Cut);
            }

            while (_interactive && Console.KeyAvailable)
            {
                switch (Console.ReadKey(intercept: true).KeyChar)
                {
                    case 'q':
                        return;
                    case var key when key is '1' or '2':
                        await SetAsync(key - '1', cut: _network.Links[key - '1'].State is null);
                        break;
                }
            }

            // Keys are looked for more often than the table is drawn.
            if (await Task.WhenAny(tick, Task.Delay(50)) == tick)
            {
                Draw(clock.Elapsed);
                tick = second.WaitForNextTickAsync().AsTask();
            }
        }
    }

    private async Task SetAsync(int link, bool cut)
    {
        if (cut)
        {
            await _network.Links[link].CutAsync(Cut.Silent);
        }
        else
        {
            await _network.Links[link].RestoreAsync();
        }
    }

    private void Draw(TimeSpan elapsed)
    {
        var seconds = _sinceLastTable.Elapsed.TotalSeconds;
        _sinceLastTable.Restart();
        var subflows = _server.Connection?.GetSubflows() ?? [];
        var rates = subflows.Select(subflow => RateOf(subflow, seconds)).ToArray();
        var sum = rates.Sum();

        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds,4:F0} s  status {_server.Connection?.Status.ToToken() ?? "none"}, {sum,6:F1} Mbit/s");
        table.Append("  links:").AppendJoin(',', _network.Links.Select(link => $" {link.Index + 1} {(link.State is null ? "up" : "CUT")}"));
        table.Append(_interactive ? "   (keys: 1, 2 cut or restore, q quits)\n" : "\n");
        table.Append("  path                                             RTT     Mbit/s   share   retransmits\n");
        foreach (var (subflow, rate) in subflows.Zip(rates))
        {
            table.Append(
                CultureInfo.InvariantCulture,
                $"  {subflow,-44} {subflow.RoundTripTime.TotalMilliseconds,6:F1} ms {rate,8:F1} {(sum > 0 ? rate / sum : 0),7:P0} {subflow.SegmentsRetransmitted,13}{(subflow.LooksDead ? "  looks dead" : "")}{(subflow.IsClosed ? "  closed" : "")}\n");
        }

        // Over the table before, on a terminal.
        Console.Write(_interactive ? $"\e[H\e[J{table}" : table.ToString());
    }

    private double RateOf(MptcpSubflow subflow, double seconds)
    {
        var path = (subflow.LocalEndPoint, subflow.RemoteEndPoint);
        var before = _sentBefore.GetValueOrDefault(path);
        _sentBefore[path] = subflow.BytesSent;
        return Math.Max(0, subflow.BytesSent - before) * 8 / seconds / 1e6;
    }
}
