using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// The transport of an MPTCP connection, on which a reset looks like one. When a peer resets such a connection before it is read, the
/// kernel answers ENOTCONN instead of ECONNRESET, and what Kestrel hardly notes of TCP clients would be an "unhandled exception" for
/// each: a peer could fill the log with errors.
/// </summary>
/// <remarks>
/// Each request waits here once, and between requests the connection does. So a read that waits is passed on by hand: an async method
/// would cost 280 bytes a connection instead of 180, and twentieths of a small request's processor time. There is one read at a time, as
/// with every <see cref="PipeReader"/>.
/// </remarks>
internal sealed class ResetTransport : PipeReader, IDuplexPipe, IValueTaskSource<ReadResult>
{
    private readonly PipeReader _input;
    private readonly Action _resume;
    private ValueTask<ReadResult> _pending;
    private Action<object?>? _continuation;
    private object? _state;

    public ResetTransport(IDuplexPipe transport)
    {
        _input = transport.Input;
        Output = transport.Output;
        _resume = Resume;
    }

    public PipeReader Input => this;

    public PipeWriter Output { get; }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var read = _input.ReadAsync(cancellationToken);
            if (read.IsCompletedSuccessfully)
            {
                return read;
            }

            _pending = read;
            return new ValueTask<ReadResult>(this, token: 0);
        }
        catch (SocketException e) when (IsReset(e))
        {
            throw Translate(e);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        try
        {
            return _input.TryRead(out result);
        }
        catch (SocketException e) when (IsReset(e))
        {
            throw Translate(e);
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => _input.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _input.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => _input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _input.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => _input.CompleteAsync(exception);

    public ReadResult GetResult(short token)
    {
        var read = _pending;
        _pending = default;
        try
        {
            return read.GetAwaiter().GetResult();
        }
        catch (SocketException e) when (IsReset(e))
        {
            throw Translate(e);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _pending switch
    {
        { IsCompleted: false } => ValueTaskSourceStatus.Pending,
        { IsCompletedSuccessfully: true } => ValueTaskSourceStatus.Succeeded,
        { IsCanceled: true } => ValueTaskSourceStatus.Canceled,
        _ => ValueTaskSourceStatus.Faulted,
    };

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _continuation = continuation;
        _state = state;
        var continueOnContext = flags.HasFlag(ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
        var awaiter = _pending.ConfigureAwait(continueOnContext).GetAwaiter();
        if (flags.HasFlag(ValueTaskSourceOnCompletedFlags.FlowExecutionContext))
        {
            awaiter.OnCompleted(_resume);
        }
        else
        {
            awaiter.UnsafeOnCompleted(_resume);
        }
    }

    private void Resume()
    {
        // The next read may begin in there.
        var (continuation, state) = (_continuation!, _state);
        (_continuation, _state) = (null, null);
        continuation(state);
    }

    private static bool IsReset(SocketException exception) => exception.SocketErrorCode == SocketError.NotConnected;

    private static ConnectionResetException Translate(SocketException exception) => new(exception.Message, exception);
}
