using System.Net.Sockets;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class RestartTests
{
    private const int Threads = 8;
    private const int Size = 300_000;
    private const int Lines = 25;

    private static readonly int s_restarts = Scale.Of(5, 50);

    private sealed record Outcome(int Complete, int Slow, int Refused, int Unanswered, int Truncated);

    /// <summary>
    /// A request whose connection was accepted and whose first byte was answered is complete. What waits in the listening socket's queue
    /// when that closes is reset by the kernel, whoever listens: those requests are unanswered, and made again.
    /// </summary>
    [Fact]
    public async Task Restart_OnTheSamePortUnderLoad_CompletesWhatItBeganToAnswer()
    {
        Requires.Namespaces();
        var stock = await RestartAsync(TestServerProcess.Stock);
        var ours = await RestartAsync(TestServerProcess.Mptcp);
        Assert.True(ours.Complete > 0, $"{ours}");
        Assert.InRange(ours.Slow, s_restarts, int.MaxValue);
        Assert.Equal(0, ours.Truncated);

        // How many wait at that moment is chance.
        Assert.True(ours.Unanswered <= (2 * stock.Unanswered) + (Threads * s_restarts / 2), $"{ours}; stock: {stock}");
    }

    private static async Task<Outcome> RestartAsync(string transport)
    {
        await using var rival = await Rival.StartAsync(transport);
        rival.AssertServes();
        var (complete, slow, refused, unanswered, truncated) = (0, 0, 0, 0, 0);
        using var stop = new CancellationTokenSource();
        var load = rival.AbuseAsync(Threads, Threads, i =>
        {
            for (var request = i; !stop.IsCancellationRequested; request++)
            {
                Peer? peer = null;
                try
                {
                    peer = Peer.Connect(rival.Http, mptcp: request % 2 == 1);
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
                {
                    // Nobody listens: to ask again at once would only heat the machine on which the server starts.
                    Interlocked.Increment(ref refused);
                    stop.Token.WaitHandle.WaitOne(10);
                    continue;
                }
                catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
                {
                    // Accepted by the kernel, and reset before the client came to look.
                    Interlocked.Increment(ref unanswered);
                    continue;
                }

                using (peer)
                {
                    var isAnswered = false;
                    try
                    {
                        // Every other client has an answer under way at whatever moment the end comes. HTTP/1.0, for lines without chunks.
                        var isSlow = i % 2 == 0;
                        peer.Send(isSlow ? $"GET /lines/{Lines}/10 HTTP/1.0\r\n\r\n" : $"GET /bytes/{Size} HTTP/1.0\r\n\r\n");
                        peer.ReadLine();
                        isAnswered = true;
                        while (peer.ReadLine().Length > 0)
                        {
                        }

                        if (isSlow)
                        {
                            var lines = Enumerable.Range(1, Lines).Select(_ => peer.ReadLine()).ToArray();
                            Assert.Equal(Enumerable.Range(1, Lines).Select(line => $"{line}"), lines);
                            Interlocked.Increment(ref slow);
                        }
                        else
                        {
                            peer.ReadBytes(Size);
                            Interlocked.Increment(ref complete);
                        }
                    }
                    catch (Exception e) when (e is IOException or SocketException)
                    {
                        Interlocked.Increment(ref isAnswered ? ref truncated : ref unanswered);
                    }
                }
            }
        });
        try
        {
            for (var restart = 0; restart < s_restarts; restart++)
            {
                // Under load means that requests are answered when it is told to end, and that others come while it does.
                await WaitAsync(() => Volatile.Read(ref complete), atLeast: 50);
                await rival.Process.Program.TerminateAsync();
                Assert.Equal(0, await rival.Process.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
                rival.AssertNoErrors();
                await rival.RestartAsync();
            }

            await WaitAsync(() => Volatile.Read(ref complete), atLeast: 50);
        }
        finally
        {
            await stop.CancelAsync();
        }

        await load;
        rival.AssertServes();
        var outcome = new Outcome(complete, slow, refused, unanswered, truncated);
        Scale.Tell(
            $"{transport}: {s_restarts} restarts; {complete + slow} requests complete ({slow} of them slow ones) and {(long)complete * Size} bytes compared, {truncated} lost, {unanswered} unanswered and {refused} refused ones made again");
        return outcome;
    }

    private static async Task WaitAsync(Func<int> count, int atLeast)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        for (var before = count(); count() - before < atLeast;)
        {
            await Task.Delay(10, limit.Token);
        }
    }
}
