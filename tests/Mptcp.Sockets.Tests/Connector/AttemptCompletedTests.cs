using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>An observer of the attempts to connect has no influence on them.</summary>
public sealed class AttemptCompletedTests
{
    public AttemptCompletedTests() => Requires.Mptcp();

    public static TheoryData<Exception> Exceptions { get; } =
    [
        new SocketException((int)SocketError.NetworkUnreachable), new IOException("No space left on device."), new PlatformNotSupportedException(),
        new OperationCanceledException(),
    ];

    [Theory]
    [MemberData(nameof(Exceptions))]
    public async Task ConnectAsync_CallbackThrows_TheConnectedAddressIsTheResult(Exception exception)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses), ("127.0.0.3", Manner.Mptcp), ("127.0.0.4", Manner.Mptcp));
        var opened = new OpenedSockets();
        var calls = 0;
        var result = await MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = Timeout.InfiniteTimeSpan,
            Resolver = destination.ResolveAsync,
            ConfigureSocket = opened.Add,
            AttemptCompleted = _ =>
            {
                calls++;
                throw exception;
            },
        });
        using var client = result.Socket;
        Assert.Equal(2, calls);
        Assert.Equal(destination.EndPoints[..2], result.Attempts.Select(attempt => attempt.EndPoint));
        Assert.Equal([MptcpConnectOutcome.Failed, MptcpConnectOutcome.Connected], result.Attempts.Select(attempt => attempt.Outcome));
        Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(result.Attempts[0].Error).SocketErrorCode);
        Assert.Null(result.Attempts[1].Error);
        opened.AssertClosed(expectedCount: 2, butNot: client);
        using var accepted = await destination.AcceptAsync("127.0.0.3");
        Connection.AssertCarries(client, accepted, "alive"u8);
    }

    [Theory]
    [MemberData(nameof(Exceptions))]
    public async Task ConnectAsync_CallbackThrowsAndNoAddressConnects_TheFailureIsThatOfTheAddresses(Exception exception)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses), ("127.0.0.3", Manner.Refuses));
        var opened = new OpenedSockets();
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            Resolver = destination.ResolveAsync,
            ConfigureSocket = opened.Add,
            AttemptCompleted = _ => throw exception,
        }));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
        Assert.All(failure.Attempts, attempt => Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(attempt.Error).SocketErrorCode));
        Assert.Equal(2, failure.Attempts.Count);
        opened.AssertClosed(expectedCount: 2);
    }
}
