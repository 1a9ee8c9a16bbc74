using System.Diagnostics.CodeAnalysis;
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
/// Between requests every connection waits in a read, and each request begins with one. A pipe's reader is itself what its reads wait for,
/// so such a read can be passed on as it is, and only its end is looked at: 32 bytes a connection and no detour, where an async method
/// would cost 280 bytes, and twentieths of a small request's processor time.
/// </remarks>
internal sealed class ResetTransport : PipeReader, IDuplexPipe, IValueTaskSource<ReadResult>
{
    private readonly IDuplexPipe _transport;

    public ResetTransport(IDuplexPipe transport) => _transport = transport;

    public PipeReader Input => this;

    public PipeWriter Output => _transport.Output;

    [SuppressMessage("Reliability", "CA2012:Use ValueTasks correctly", Justification = "To compare one is not to consume it.")]
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var read = _transport.Input.ReadAsync(cancellationToken);
            return read.IsCompletedSuccessfully ? read
                : _transport.Input is IValueTaskSource<ReadResult> source && read.Equals(new ValueTask<ReadResult>(source, token: 0))
                ? new ValueTask<ReadResult>(this, token: 0)
                : TranslateAsync(read);
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
            return _transport.Input.TryRead(out result);
        }
        catch (SocketException e) when (IsReset(e))
        {
            throw Translate(e);
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => _transport.Input.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _transport.Input.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => _transport.Input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _transport.Input.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => _transport.Input.CompleteAsync(exception);

    public ReadResult GetResult(short token)
    {
        try
        {
            return Waiting.GetResult(token);
        }
        catch (SocketException e) when (IsReset(e))
        {
            throw Translate(e);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => Waiting.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        Waiting.OnCompleted(continuation, state, token, flags);

    /// <summary>What a read that was passed on waits for.</summary>
    private IValueTaskSource<ReadResult> Waiting => (IValueTaskSource<ReadResult>)_transport.Input;

    private static async ValueTask<ReadResult> TranslateAsync(ValueTask<ReadResult> read)
    {
        try
        {
            return await read.ConfigureAwait(false);
        }
        catch (SocketException e) when (IsReset(e))
        {
            throw Translate(e);
        }
    }

    private static bool IsReset(SocketException exception) => exception.SocketErrorCode == SocketError.NotConnected;

    private static ConnectionResetException Translate(SocketException exception) => new(exception.Message, exception);
}
