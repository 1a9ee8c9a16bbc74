using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Connects and closes in all the ways there are; every second connect is cancelled at a random moment.</summary>
internal sealed class Churn(Destination destination, Destination silent, int seed) : IDisposable
{
    private const int AtATime = 16;

    // One for all connects that are not cancelled: what they leave registered with it stays.
    private readonly CancellationTokenSource _neverCancelled = new();
    private int _connected;
    private int _cancelled;
    private int _connectedBeforeCancelled;

    public override string ToString() =>
        $"{_connected} connected, {_cancelled} cancelled, {_connectedBeforeCancelled} connected before they were cancelled";

    public void Forget() => _connected = _cancelled = _connectedBeforeCancelled = 0;

    public void Dispose() => _neverCancelled.Dispose();

    /// <summary>So that it can't have been all of one kind.</summary>
    public void AssertOfEachKind(int least)
    {
        Assert.InRange(_connected, least, int.MaxValue);
        Assert.InRange(_cancelled, least, int.MaxValue);
        Assert.InRange(_connectedBeforeCancelled, least, int.MaxValue);
    }

    public Task RunAsync(int count) => Parallel.ForAsync(
        0, count, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (i, _) => await ConnectAsync(i));

    private async Task ConnectAsync(int i)
    {
        var random = new Random(seed + i);

        // Those without a time limit have nothing between the race and the caller's token.
        var hasTimeout = i / 2 % 4 == 0;
        var isByAddress = i / 2 % 8 < 2;
        EndPoint target = isByAddress
            ? destination.EndPoints[random.Next(destination.EndPoints.Length)]
            : new DnsEndPoint("name.test", destination.Port);
        var options = new MptcpConnectOptions
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            ConnectTimeout = hasTimeout ? TimeSpan.FromMinutes(5) : Timeout.InfiniteTimeSpan,
            Resolver = destination.ResolveAsync,
        };
        if (i % 2 == 0)
        {
            using var socket = (await MptcpConnector.ConnectAsync(target, options, _neverCancelled.Token)).Socket;
            Reset(socket);
            Interlocked.Increment(ref _connected);
            return;
        }

        // Some of the cancelled ones would never have connected.
        if (i % 16 == 1)
        {
            target = new DnsEndPoint("name.test", silent.Port);
            options.Resolver = silent.ResolveAsync;
        }

        using var cancellation = new CancellationTokenSource();
        var cancelling = CancelAsync(cancellation, TimeSpan.FromMilliseconds(2 * random.NextDouble()));
        try
        {
            using var socket = (await MptcpConnector.ConnectAsync(target, options, cancellation.Token)).Socket;
            Reset(socket);
            Interlocked.Increment(ref _connectedBeforeCancelled);
        }
        catch (OperationCanceledException e)
        {
            Assert.Equal(cancellation.Token, e.CancellationToken);
            Interlocked.Increment(ref _cancelled);
        }

        await cancelling;
    }

    /// <summary>Timers are too coarse for it.</summary>
    private static Task CancelAsync(CancellationTokenSource cancellation, TimeSpan after)
    {
        var start = Stopwatch.GetTimestamp();
        return Task.Run(() =>
        {
            while (Stopwatch.GetElapsedTime(start) < after)
            {
                Thread.Yield();
            }

            cancellation.Cancel();
        });
    }

    /// <summary>Closed in the ordinary way, each would hold a port for a minute.</summary>
    private static void Reset(Socket socket) => socket.LingerState = new LingerOption(true, 0);
}
