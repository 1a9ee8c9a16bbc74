using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Tests;

/// <summary>What a reset looks like that comes before, while and after somebody reads; ResetTests has the real ones.</summary>
public sealed class ResetTransportTests
{
    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>A reader whose reads wait for something else than itself.</summary>
    private sealed class Detour(PipeReader inner) : PipeReader
    {
        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => await inner.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => inner.TryRead(out result);

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    private readonly Pipe _pipe = new();

    [Theory]
    [InlineData(SocketError.NotConnected, true, false)]
    [InlineData(SocketError.NotConnected, true, true)]
    [InlineData(SocketError.NotConnected, false, false)]
    [InlineData(SocketError.NotConnected, false, true)]
    [InlineData(SocketError.TimedOut, true, false)]
    [InlineData(SocketError.TimedOut, true, true)]
    [InlineData(SocketError.TimedOut, false, false)]
    [InlineData(SocketError.TimedOut, false, true)]
    public async Task Read_PeerResets_IsAResetAndOtherErrorsStayWhatTheyAre(SocketError error, bool waits, bool detour)
    {
        var input = Wrap(detour);
        var cause = new SocketException((int)error);
        Task<ReadResult> read;
        if (waits)
        {
            read = input.ReadAsync(TestContext.Current.CancellationToken).AsTask();
            Assert.False(read.IsCompleted);
            await _pipe.Writer.CompleteAsync(cause);
        }
        else
        {
            await _pipe.Writer.CompleteAsync(cause);
            read = Task.Run(() => input.ReadAsync().AsTask(), TestContext.Current.CancellationToken);
        }

        await AssertThrowsAsync(() => read);
        await AssertThrowsAsync(() => Task.FromResult(input.TryRead(out _)));

        async Task AssertThrowsAsync(Func<Task> read)
        {
            var thrown = await Assert.ThrowsAnyAsync<Exception>(read);
            if (error == SocketError.NotConnected)
            {
                Assert.Same(cause, Assert.IsType<ConnectionResetException>(thrown).InnerException);
            }
            else
            {
                Assert.Same(cause, thrown);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Read_BytesCancellationAndEnd_PassThrough(bool detour)
    {
        var input = Wrap(detour);
        for (byte i = 0; i < 3; i++)
        {
            var waiting = input.ReadAsync(TestContext.Current.CancellationToken);
            Assert.False(waiting.IsCompleted);
            await _pipe.Writer.WriteAsync(new[] { i }, TestContext.Current.CancellationToken);
            var read = await waiting;
            Assert.Equal([i], read.Buffer.FirstSpan.ToArray());
            input.AdvanceTo(read.Buffer.End);
        }

        var pending = input.ReadAsync(TestContext.Current.CancellationToken);
        input.CancelPendingRead();
        var canceled = await pending;
        Assert.True(canceled.IsCanceled);
        input.AdvanceTo(canceled.Buffer.Start, canceled.Buffer.End);

        using var source = new CancellationTokenSource();
        pending = input.ReadAsync(source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(pending.AsTask);

        await _pipe.Writer.CompleteAsync();
        Assert.True((await input.ReadAsync(TestContext.Current.CancellationToken)).IsCompleted);
        await input.CompleteAsync();
    }

    [Fact]
    public async Task Read_OfAPipe_WaitsWithoutAnAllocation()
    {
        var input = Wrap(detour: false);
        for (var i = 0; i < 3; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var waiting = input.ReadAsync(TestContext.Current.CancellationToken);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.False(waiting.IsCompleted);
            await _pipe.Writer.WriteAsync(new[] { (byte)1 }, TestContext.Current.CancellationToken);
            input.AdvanceTo((await waiting).Buffer.End);

            // The first calls of a method may have their reasons.
            Assert.True(allocated == 0 || i == 0, $"{allocated} bytes");
        }
    }

    private PipeReader Wrap(bool detour) =>
        new ResetTransport(new Duplex(detour ? new Detour(_pipe.Reader) : _pipe.Reader, _pipe.Writer)).Input;
}
