using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>Tries the addresses of one name until one connects.</summary>
internal sealed class AddressRace
{
    private readonly EndPoint _target;
    private readonly IPEndPoint[] _addresses;
    private readonly MptcpConnectOptions _options;
    private readonly ConnectTimeout _timeout;
    private readonly MptcpConnectAttempt?[] _attempts;
    private bool _isWon;

    public AddressRace(EndPoint target, IPEndPoint[] addresses, MptcpConnectOptions options, ConnectTimeout timeout)
    {
        _target = target;
        _addresses = addresses;
        _options = options;
        _timeout = timeout;
        _attempts = new MptcpConnectAttempt[addresses.Length];
    }

    public async Task<MptcpConnectResult> RunAsync()
    {
        // A race of one needs neither timer nor finish.
        var winner = _addresses.Length == 1
            ? await AttemptAsync(0, _timeout.Token).ConfigureAwait(false)
            : await RaceAsync().ConfigureAwait(false);
        if (winner is null)
        {
            _timeout.ThrowIfCancelledByCaller();
            throw Failure();
        }

        return new MptcpConnectResult(winner.Socket, winner.Unavailable, [.. _attempts.OfType<MptcpConnectAttempt>()]);
    }

    private async Task<ClientSocket?> RaceAsync()
    {
        using var finish = CancellationTokenSource.CreateLinkedTokenSource(_timeout.Token);
        var running = new List<Task<ClientSocket?>>();
        try
        {
            for (var next = 0; next < _addresses.Length || running.Count > 0;)
            {
                Task? delay = null;
                if (next < _addresses.Length)
                {
                    running.Add(AttemptAsync(next++, finish.Token));
                    delay = next < _addresses.Length ? Task.Delay(_options.AttemptDelay, finish.Token) : null;
                }

                Task ended = await Task.WhenAny([.. running, .. delay is null ? Array.Empty<Task>() : [delay]]).ConfigureAwait(false);
                if (ended is Task<ClientSocket?> attempt)
                {
                    running.Remove(attempt);
                    if (await attempt.ConfigureAwait(false) is { } winner)
                    {
                        return winner;
                    }
                }

                if (finish.IsCancellationRequested)
                {
                    // No more of them. Those that run end now, and one may just have connected.
                    next = _addresses.Length;
                }
            }

            return null;
        }
        finally
        {
            // Nothing of them may be left open, whatever ended the race. What they throw now comes too late to matter.
            await finish.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var loser in running.Where(attempt => attempt.IsCompletedSuccessfully))
            {
                (await loser.ConfigureAwait(false))?.Socket.Dispose();
            }
        }
    }

    /// <summary>Connects to one address.</summary>
    /// <returns>Null when it did not come to it; why is in <see cref="_attempts"/>.</returns>
    private async Task<ClientSocket?> AttemptAsync(int index, CancellationToken cancellationToken)
    {
        var endPoint = _addresses[index];
        var start = Stopwatch.GetTimestamp();
        ClientSocket? client = null;
        try
        {
            client = ClientSocket.Open(endPoint.AddressFamily, _options);
            await client.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            if (Interlocked.Exchange(ref _isWon, true))
            {
                // Another address connected a moment earlier.
                client.Socket.Dispose();
                End(MptcpConnectOutcome.Abandoned);
                return null;
            }

            End(MptcpConnectOutcome.Connected);
            return client;
        }
        catch (Exception e) when (e is SocketException or PlatformNotSupportedException)
        {
            client?.Socket.Dispose();
            End(MptcpConnectOutcome.Failed, e);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            client?.Socket.Dispose();
            End(MptcpConnectOutcome.Abandoned);
        }
        catch
        {
            client?.Socket.Dispose();
            throw;
        }

        return null;

        void End(MptcpConnectOutcome outcome, Exception? error = null)
        {
            var attempt = new MptcpConnectAttempt(endPoint, outcome, Stopwatch.GetElapsedTime(start), client?.Unavailable, error);
            _attempts[index] = attempt;
            _options.AttemptCompleted?.Invoke(attempt);
        }
    }

    private Exception Failure()
    {
        MptcpConnectAttempt[] attempts = [.. _attempts.OfType<MptcpConnectAttempt>()];

        // Not the fault of any address.
        if (attempts.Length > 0 && attempts.All(attempt => attempt.Error is PlatformNotSupportedException))
        {
            return attempts[0].Error!;
        }

        var target = _target is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : _target.ToString();
        var answers = string.Join("; ", attempts.Select(attempt => attempt.Outcome == MptcpConnectOutcome.Abandoned ? $"{attempt.EndPoint}: no answer" : attempt.ToString()));

        // An attempt that nobody ended and that did not end by itself: the caller can have cancelled since, which does not matter any more.
        return _timeout.IsOver || attempts.Any(attempt => attempt.Outcome == MptcpConnectOutcome.Abandoned)
            ? new MptcpConnectException(SocketError.TimedOut, $"Could not connect to {target} within {_options.ConnectTimeout} ({answers})", attempts)
            : new MptcpConnectException(
                attempts.Select(attempt => attempt.Error).OfType<SocketException>().Last().SocketErrorCode, $"Could not connect to {target} ({answers})", attempts);
    }
}
