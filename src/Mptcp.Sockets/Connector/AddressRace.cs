using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>Tries the addresses of one name until one connects.</summary>
internal sealed class AddressRace
{
    private readonly EndPoint _target;
    private readonly IPEndPoint[] _addresses;
    private readonly int _leftOut;
    private readonly MptcpConnectOptions _options;
    private readonly ConnectTimeout _timeout;
    private readonly MptcpConnectAttempt?[] _attempts;
    private bool _isWon;

    /// <param name="target">The endpoint that the caller asked for.</param>
    /// <param name="addresses">The addresses to try, in this order.</param>
    /// <param name="leftOut">How many more addresses the name has.</param>
    /// <param name="options">The options.</param>
    /// <param name="timeout">The time limit.</param>
    public AddressRace(EndPoint target, IPEndPoint[] addresses, int leftOut, MptcpConnectOptions options, ConnectTimeout timeout)
    {
        _target = target;
        _addresses = addresses;
        _leftOut = leftOut;
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

        return new MptcpConnectResult(winner, [.. _attempts.OfType<MptcpConnectAttempt>()]);
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
    /// <returns><c>null</c> when it did not connect, or another address connected first.</returns>
    private async Task<ClientSocket?> AttemptAsync(int index, CancellationToken cancellationToken)
    {
        var endPoint = _addresses[index];
        var start = Stopwatch.GetTimestamp();
        ClientSocket? client = null;
        var outcome = MptcpConnectOutcome.Abandoned;
        Exception? error = null;
        try
        {
            client = ClientSocket.Open(endPoint.AddressFamily, _options);
            await client.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            if (!Interlocked.Exchange(ref _isWon, true))
            {
                outcome = MptcpConnectOutcome.Connected;
            }
        }
        catch (Exception e) when (e is SocketException or PlatformNotSupportedException)
        {
            (outcome, error) = (MptcpConnectOutcome.Failed, e);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Abandoned: another address won, the time is over, or the caller cancelled.
        }
        catch
        {
            client?.Socket.Dispose();
            throw;
        }

        if (outcome != MptcpConnectOutcome.Connected)
        {
            client?.Socket.Dispose();
        }

        var attempt = new MptcpConnectAttempt(
            endPoint, outcome, Stopwatch.GetElapsedTime(start), client?.Unavailable, error, outcome == MptcpConnectOutcome.Connected ? client!.Connection : null);
        _attempts[index] = attempt;
        Report(attempt);
        return attempt.Connection is null ? null : client;
    }

    private void Report(MptcpConnectAttempt attempt)
    {
        try
        {
            _options.AttemptCompleted?.Invoke(attempt);
        }
        catch (Exception)
        {
            // An observer decides neither about this address nor about the others.
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

        // An attempt that was not ended by the address: the caller can have cancelled since, which does not matter any more.
        var isTimeout = _timeout.IsOver || attempts.Any(attempt => attempt.Outcome == MptcpConnectOutcome.Abandoned);
        var message = $"Could not connect to {ConnectFailure.Target(_target)}{(isTimeout ? $" within {_options.ConnectTimeout}" : "")}: {ConnectFailure.Errors(attempts)}";
        if (_leftOut > 0)
        {
            message += $"; {_leftOut} more addresses were not tried";
        }

        return new MptcpConnectException(
            isTimeout ? SocketError.TimedOut : attempts.Select(attempt => attempt.Error).OfType<SocketException>().Last().SocketErrorCode, message, attempts);
    }
}
