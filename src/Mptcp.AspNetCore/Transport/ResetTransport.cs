using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// The transport of an MPTCP connection, on which a reset looks like one. When a peer resets such a connection before it is read, the
/// kernel answers ENOTCONN instead of ECONNRESET, and what Kestrel hardly notes of TCP clients would be an "unhandled exception" for
/// each: a peer could fill the log with errors.
/// </summary>
internal sealed class ResetTransport(IDuplexPipe transport) : PipeReader, IDuplexPipe
{
    private readonly PipeReader _input = transport.Input;

    public PipeReader Input => this;

    public PipeWriter Output { get; } = transport.Output;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var read = _input.ReadAsync(cancellationToken);
            return read.IsCompletedSuccessfully ? read : AwaitAsync(read);
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

    // Pooled: a connection waits for each request here.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<ReadResult> AwaitAsync(ValueTask<ReadResult> read)
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
