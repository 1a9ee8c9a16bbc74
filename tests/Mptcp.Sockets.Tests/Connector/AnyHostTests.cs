using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Holds on hosts that can do Multipath TCP and on those that can't; run again as on kernels of both kinds.</summary>
public sealed class AnyHostTests
{
    /// <summary>In the environment: the errnos with which a kernel is imitated to refuse MPTCP over IPv4 and over IPv6.</summary>
    public const string Refusals = "MPTCP_TESTS_REFUSALS";

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.0.0.1", true)]
    [InlineData("::1", false)]
    [InlineData("::1", true)]
    public async Task ConnectAsync_Preferred_IsMptcpOrTcpWithTheReason(string address, bool byName)
    {
        var expected = GetSupport(address);
        using var destination = OpenDestination(address, expected);
        var result = await MptcpConnector.ConnectAsync(GetTarget(destination, byName), new() { Resolver = destination.ResolveAsync });
        using var client = result.Socket;
        using var accepted = await destination.AcceptAsync(address);
        Assert.Equal(expected?.ToString(), result.Unavailable?.ToString());
        Assert.Equal(expected?.Reason, result.Unavailable?.Reason);
        Assert.Same(result.Unavailable, Assert.Single(result.Attempts).Unavailable);
        Assert.Equal(expected is null ? MptcpStatus.Active : MptcpStatus.Unavailable, result.Connection.Status);
        Assert.True(client.NoDelay);
        Connection.AssertCarries(client, accepted, "there"u8);
        Connection.AssertCarries(accepted, client, "and back"u8);
    }

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.0.0.1", true)]
    [InlineData("::1", false)]
    [InlineData("::1", true)]
    public async Task ConnectAsync_Required_IsMptcpOrThrowsTheReason(string address, bool byName)
    {
        var expected = GetSupport(address);
        using var destination = OpenDestination(address, expected);
        var options = new MptcpConnectOptions { Mode = MptcpMode.Required, Resolver = destination.ResolveAsync };
        if (expected is null)
        {
            var result = await MptcpConnector.ConnectAsync(GetTarget(destination, byName), options);
            using var client = result.Socket;
            Assert.Equal(MptcpStatus.Active, result.Connection.Status);
        }
        else
        {
            var failure = await Assert.ThrowsAsync<PlatformNotSupportedException>(
                () => MptcpConnector.ConnectAsync(GetTarget(destination, byName), options));
            Assert.Equal(expected.ToString(), failure.Message);
        }
    }

    /// <summary>Not the fault of any address, so not the exception that lists them.</summary>
    [Fact]
    public async Task ConnectAsync_RequiredAndSeveralAddresses_ThrowsTheReasonWhereNoneWorks()
    {
        var (ipv4, ipv6) = (GetSupport("127.0.0.1"), GetSupport("::1"));
        using var destination = Destination.Open(("::1", Manner.Tcp), ("127.0.0.1", Manner.Tcp));
        var options = new MptcpConnectOptions { Mode = MptcpMode.Required, Resolver = destination.ResolveAsync, AttemptDelay = Timeout.InfiniteTimeSpan };
        var connecting = MptcpConnector.ConnectAsync("name.test", destination.Port, options);
        if (ipv4 is null || ipv6 is null)
        {
            var result = await connecting;
            using var client = result.Socket;
            Assert.Equal(ipv6 is null ? 1 : 2, result.Attempts.Count);
            Assert.Equal(ipv6?.ToString(), result.Attempts[0].Error?.Message);
            Assert.Equal(MptcpStatus.FellBack, result.Connection.Status);
        }
        else
        {
            Assert.Equal(ipv6.ToString(), (await Assert.ThrowsAsync<PlatformNotSupportedException>(() => connecting)).Message);
        }
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task ConnectAsync_Disabled_TcpAndNoReason(string address)
    {
        using var destination = OpenDestination(address, GetSupport(address));
        var result = await MptcpConnector.ConnectAsync(destination.EndPoints[0], new() { Mode = MptcpMode.Disabled });
        using var client = result.Socket;
        Assert.Null(result.Unavailable);
        Assert.Equal(MptcpStatus.Unavailable, result.Connection.Status);
    }

    private static EndPoint GetTarget(Destination destination, bool byName) =>
        byName ? new DnsEndPoint("name.test", destination.Port) : destination.EndPoints[0];

    private static Destination OpenDestination(string address, MptcpSupport? support) =>
        Destination.Open((address, support is null ? Manner.Mptcp : Manner.Tcp));

    /// <summary>What is expected of this host: null when it can.</summary>
    private static MptcpSupport? GetSupport(string address)
    {
        var family = IPAddress.Parse(address).AddressFamily;
        var refusals = Environment.GetEnvironmentVariable(Refusals);
        var errno = refusals is null ? 0 : int.Parse(refusals.Split(',')[family == AddressFamily.InterNetwork ? 0 : 1], CultureInfo.InvariantCulture);

        // An IPv4 connection from an IPv6 socket is as refused as that, so what a socket of its own family says is expected of both.
        var status = LibC.OpenStreamSocket(family, LinuxConstants.IPPROTO_MPTCP, out var handle);
        handle?.Dispose();
        if (refusals is not null)
        {
            Assert.Equal(errno, status);
        }

        return status switch
        {
            0 => null,
            Errno.EAFNOSUPPORT => MptcpSupport.Explain(status, AddressFamily.InterNetwork),
            _ => MptcpSupport.Explain(status, family),
        };
    }
}
