using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Connections that don't come about.</summary>
public sealed class ConnectErrorTests
{
    // Longer than it takes to begin all attempts, and much shorter than the system goes on trying.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    public ConnectErrorTests() => Requires.Mptcp();

    [Fact]
    public async Task ConnectAsync_NameThatDoesNotExist_SaysSo()
    {
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("nosuch.invalid", 443));
        Assert.Contains(failure.SocketErrorCode, new[] { SocketError.HostNotFound, SocketError.TryAgain, SocketError.NoData });
        Assert.Contains("nosuch.invalid", failure.Message);
        Assert.Empty(failure.Attempts);
    }

    [Theory]
    [InlineData(SocketError.HostNotFound)]
    [InlineData(SocketError.TryAgain)]
    public async Task ConnectAsync_ResolverFails_SaysWhichNameAndWhy(SocketError error)
    {
        var cause = new SocketException((int)error);
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(
            () => MptcpConnector.ConnectAsync("name.test", 443, new() { Resolver = (_, _, _) => Task.FromException<IPAddress[]>(cause) }));
        Assert.Equal(error, failure.SocketErrorCode);
        Assert.Equal($"Could not resolve name.test: {cause.Message}", failure.Message);
        Assert.Empty(failure.Attempts);
    }

    [Fact]
    public async Task ConnectAsync_NameWithoutAddresses_SaysSo()
    {
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(
            () => MptcpConnector.ConnectAsync("name.test", 443, new() { Resolver = (_, _, _) => Task.FromResult<IPAddress[]>([]) }));
        Assert.Equal(SocketError.NoData, failure.SocketErrorCode);
        Assert.Contains("name.test", failure.Message);
        Assert.Empty(failure.Attempts);
    }

    /// <summary>The name of a host can come from a stranger, and the text goes to logs and terminals.</summary>
    [Theory]
    [InlineData("evil\r\n\u001b[31mname\u202e.test", "evil\\u000D\\u000A\\u001B[31mname\\u202E.test")]
    [InlineData("\ud83d\ude00.test", "\\uD83D\\uDE00.test")]
    [InlineData("name.test", "name.test")]
    public async Task ConnectAsync_HostNameWithControlCharacters_MessageEscapesThem(string host, string expected)
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses));
        foreach (var resolver in new Func<Task<IPAddress[]>>[]
        {
            () => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)),
            () => Task.FromResult<IPAddress[]>([]),
            () => Task.FromResult(destination.Addresses),
        })
        {
            var failure = await Assert.ThrowsAsync<MptcpConnectException>(
                () => MptcpConnector.ConnectAsync(host, destination.Port, new() { Resolver = (_, _, _) => resolver() }));
            Assert.Contains(expected, failure.Message);
            Assert.DoesNotContain(failure.Message, character => char.IsControl(character) || char.IsSurrogate(character) || character == '\u202e');
        }
    }

    [Fact]
    public async Task ConnectAsync_HostNameOfManyCharacters_MessageIsShort()
    {
        var options = new MptcpConnectOptions { Resolver = (_, _, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)) };
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync(new string('x', 100_000), 443, options));
        Assert.InRange(failure.Message.Length, 1, 1000);
        Assert.Contains("xxx…", failure.Message);
    }

    [Fact]
    public async Task ConnectAsync_ThousandsOfAddressesRefuse_FewAreTriedAndTheMessageIsShort()
    {
        using var destination = Destination.Open(("0.0.0.0", Manner.Refuses));
        IPAddress[] addresses = [.. Enumerable.Range(0, 5000).Select(i => new IPAddress([127, 9, (byte)(i >> 8), (byte)i]))];
        var opened = new OpenedSockets();
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            Resolver = (_, _, _) => Task.FromResult(addresses),
            ConfigureSocket = opened.Add,
        }));
        Assert.Equal(addresses.Take(16), failure.Attempts.Select(attempt => attempt.EndPoint.Address));
        opened.AssertClosed(expectedCount: 16);
        Assert.Equal(
            $"Could not connect to name.test:{destination.Port}: Connection refused (16 addresses); 4984 more addresses were not tried", failure.Message);
    }

    [Fact]
    public async Task ConnectAsync_EachAddressFailsInItsOwnWay_MessageNamesTheFirstOnes()
    {
        using var destination = Destination.Open([.. Enumerable.Range(2, 8).Select(i => ($"127.0.0.{i}", Manner.Refuses))]);
        var errors = 0;
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            Resolver = destination.ResolveAsync,
            ConfigureSocket = _ => throw new SocketException((int)SocketError.AccessDenied, $"reason {errors++ % 7}\u001b{new string('x', 10_000)}"),
        }));
        Assert.Equal(8, failure.Attempts.Count);
        Assert.StartsWith($"Could not connect to name.test:{destination.Port}: reason 0\\u001Bxxx", failure.Message);
        Assert.Contains("(2 addresses); reason 1", failure.Message);
        Assert.EndsWith("; and 4 other errors", failure.Message);
        Assert.DoesNotContain("reason 3", failure.Message);
        Assert.InRange(failure.Message.Length, 100, 1000);
    }

    [Fact]
    public async Task ConnectAsync_RefusedEverywhere_OneExceptionHoldsEachAttempt()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses), ("127.0.0.3", Manner.Refuses), ("::1", Manner.Refuses));
        var opened = new OpenedSockets();
        var told = 0;
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            Resolver = destination.ResolveAsync,
            ConfigureSocket = opened.Add,
            AttemptCompleted = _ => Interlocked.Increment(ref told),
        }));

        // The families take turns.
        Assert.Equal(
            [$"127.0.0.2:{destination.Port}", $"[::1]:{destination.Port}", $"127.0.0.3:{destination.Port}"],
            failure.Attempts.Select(attempt => $"{attempt.EndPoint}"));
        Assert.All(failure.Attempts, attempt =>
        {
            Assert.Equal(MptcpConnectOutcome.Failed, attempt.Outcome);
            Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(attempt.Error).SocketErrorCode);
            Assert.Equal($"{attempt.EndPoint}: {attempt.Error.Message}", attempt.ToString());
            Assert.DoesNotContain($"{attempt.EndPoint.Address}", failure.Message);
        });
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
        Assert.Equal($"Could not connect to name.test:{destination.Port}: Connection refused (3 addresses)", failure.Message);
        Assert.Equal(3, told);
        opened.AssertClosed(expectedCount: 3);
    }

    [Fact]
    public async Task ConnectAsync_RefusedAddress_SaysSo()
    {
        using var destination = Destination.Open(("127.0.0.1", Manner.Refuses));
        var opened = new OpenedSockets();
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(
            () => MptcpConnector.ConnectAsync(destination.EndPoints[0], new() { ConfigureSocket = opened.Add }));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
        Assert.Equal($"Could not connect to 127.0.0.1:{destination.Port}: Connection refused", failure.Message);
        Assert.Single(failure.Attempts);
        opened.AssertClosed(expectedCount: 1);
    }

    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("127.0.0.2", "127.0.0.3", "::1")]
    public async Task ConnectAsync_TimeOver_SaysSoAndClosesTheSockets(params string[] addresses)
    {
        using var destination = Destination.Open([.. addresses.Select(address => (address, Manner.Silent))]);
        var opened = new OpenedSockets();
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", destination.Port, new()
        {
            AttemptDelay = TimeSpan.FromMilliseconds(10),
            ConnectTimeout = s_timeout,
            Resolver = destination.ResolveAsync,
            ConfigureSocket = opened.Add,
        }));
        Assert.Equal(SocketError.TimedOut, failure.SocketErrorCode);
        Assert.StartsWith($"Could not connect to name.test:{destination.Port} within {s_timeout}: no answer", failure.Message);
        Assert.Equal(addresses.Length, failure.Attempts.Count);
        Assert.All(failure.Attempts, attempt =>
        {
            Assert.Equal(MptcpConnectOutcome.Abandoned, attempt.Outcome);
            Assert.DoesNotContain($"{attempt.EndPoint.Address}", failure.Message);
        });
        opened.AssertClosed(addresses.Length);
    }

    [Fact]
    public async Task ConnectAsync_TimeOverForOneAndOthersRefused_TimedOut()
    {
        using var destination = Destination.Open(("127.0.0.2", Manner.Silent), ("127.0.0.3", Manner.Refuses));
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync(
            "name.test",
            destination.Port,
            new() { AttemptDelay = TimeSpan.FromMilliseconds(10), ConnectTimeout = s_timeout, Resolver = destination.ResolveAsync }));
        Assert.Equal(SocketError.TimedOut, failure.SocketErrorCode);
        Assert.Equal([MptcpConnectOutcome.Abandoned, MptcpConnectOutcome.Failed], failure.Attempts.Select(attempt => attempt.Outcome));
    }

    /// <summary>Also a resolver that takes no notice of cancellation, as the system's is while it waits for an answer.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConnectAsync_TimeOverInTheResolver_TimedOut(bool takesNotice)
    {
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync("name.test", 443, new()
        {
            ConnectTimeout = TimeSpan.FromMilliseconds(50),
            Resolver = (_, _, token) => NeverAsync(takesNotice ? token : default),
        }).WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(SocketError.TimedOut, failure.SocketErrorCode);
        Assert.Contains("Could not resolve name.test within", failure.Message);
        Assert.Empty(failure.Attempts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConnectAsync_ResolverThrowsSomethingElse_ThatException(bool atOnce)
    {
        var cause = new InvalidOperationException("no resolver today");
        Assert.Same(cause, await Assert.ThrowsAsync<InvalidOperationException>(() => MptcpConnector.ConnectAsync("name.test", 443, new()
        {
            Resolver = (_, _, _) => atOnce ? throw cause : Task.FromException<IPAddress[]>(cause),
        })));
    }

    [Theory]
    [InlineData("::1", AddressFamily.InterNetwork)]
    [InlineData("127.0.0.1", AddressFamily.InterNetworkV6)]
    public async Task ConnectAsync_AddressThatIsNotOfTheFamilyAskedFor_SaysSo(string address, AddressFamily family)
    {
        using var destination = Destination.Open((address, Manner.Mptcp));
        var target = new DnsEndPoint(address, destination.Port, family);
        var failure = await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync(target));
        Assert.Equal(SocketError.NoData, failure.SocketErrorCode);
        Assert.Contains(address, failure.Message);
        Assert.Empty(failure.Attempts);
    }

    [Fact]
    public async Task ConnectAsync_OtherKindOfEndPoint_Throws()
    {
        var failure = await Assert.ThrowsAsync<ArgumentException>(() => MptcpConnector.ConnectAsync(new UnixDomainSocketEndPoint("/nowhere")));
        Assert.Contains(nameof(UnixDomainSocketEndPoint), failure.Message);
        Assert.Equal("endPoint", failure.ParamName);
        await Assert.ThrowsAsync<ArgumentNullException>(() => MptcpConnector.ConnectAsync(null!));
    }

    private static async Task<IPAddress[]> NeverAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        return [];
    }
}
