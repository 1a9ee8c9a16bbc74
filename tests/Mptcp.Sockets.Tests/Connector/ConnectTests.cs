using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets.Interop;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Connections that come about; run again on imitated kernels.</summary>
public sealed class ConnectTests
{
    // <asm-generic/fcntl.h>, as /proc prints it: in octal.
    private const int OpenCloseOnExec = 0x80000;

    public static TheoryData<string, bool, string> Targets
    {
        get
        {
            var targets = new TheoryData<string, bool, string>();
            foreach (var address in new[] { "127.0.0.1", "::1" })
            {
                foreach (var mptcp in new[] { true, false })
                {
                    foreach (var by in new[] { nameof(IPEndPoint), nameof(DnsEndPoint), "host and port" })
                    {
                        targets.Add(address, mptcp, by);
                    }
                }
            }

            return targets;
        }
    }

    public ConnectTests() => Requires.Mptcp();

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task ConnectAsync_Address_ConnectsOnceFromAnMptcpSocket(string address, bool mptcp, string by)
    {
        using var listener = Connection.Listen(IPAddress.Parse(address), mptcp);
        var endPoint = (IPEndPoint)listener.LocalEndPoint!;
        var result = by switch
        {
            nameof(IPEndPoint) => await MptcpConnector.ConnectAsync(endPoint),
            nameof(DnsEndPoint) => await MptcpConnector.ConnectAsync(new DnsEndPoint(address, endPoint.Port)),
            _ => await MptcpConnector.ConnectAsync(address, endPoint.Port),
        };
        AssertConnected(result, listener, endPoint, mptcp);
    }

    /// <summary>The address is what the system says; the listener takes both families.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConnectAsync_Localhost_Connects(bool mptcp)
    {
        using var listener = Connection.Listen(IPAddress.IPv6Any, mptcp);
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        var result = await MptcpConnector.ConnectAsync("localhost", port);
        var address = result.Attempts[0].EndPoint.Address;
        Assert.True(IPAddress.IsLoopback(address), $"{address}");
        AssertConnected(result, listener, new IPEndPoint(address, port), mptcp);
    }

    [Theory]
    [InlineData("127.0.0.1", "::1")]
    [InlineData("::1", "127.0.0.1")]
    public async Task ConnectAsync_ServerOnIPv6OnlyWithANameOfBothFamilies_Connects(string first, string second)
    {
        using var destination = Destination.Open((first, MannerOf(first)), (second, MannerOf(second)));
        var result = await MptcpConnector.ConnectAsync(
            "both.test", destination.Port, new() { Resolver = destination.ResolveAsync, AttemptDelay = Timeout.InfiniteTimeSpan });
        using var client = result.Socket;
        using var accepted = await destination.AcceptAsync("::1");
        Assert.Equal(IPAddress.IPv6Loopback, ((IPEndPoint)client.RemoteEndPoint!).Address);
        Assert.Equal(
            first == "::1" ? [MptcpConnectOutcome.Connected] : [MptcpConnectOutcome.Failed, MptcpConnectOutcome.Connected],
            result.Attempts.Select(attempt => attempt.Outcome));
        Assert.Equal(MptcpStatus.Active, result.Connection.Status);
        Connection.AssertCarries(client, accepted, "over IPv6"u8);

        static Manner MannerOf(string address) => address == "::1" ? Manner.Mptcp : Manner.Refuses;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConnectAsync_NoDelay_IsSetOrNot(bool noDelay)
    {
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: true);
        var result = await MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new() { NoDelay = noDelay });
        using var client = result.Socket;
        Assert.Equal(noDelay, client.NoDelay);
    }

    /// <summary>Without MPTCP on purpose: that is no reason to give.</summary>
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task ConnectAsync_Disabled_TcpAndNothingUnavailable(string address)
    {
        using var listener = Connection.Listen(IPAddress.Parse(address), mptcp: true);
        var result = await MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new() { Mode = MptcpMode.Disabled });
        using var client = result.Socket;
        using var accepted = listener.Accept();
        Assert.Null(result.Unavailable);
        Assert.Null(result.Attempts[0].Unavailable);
        Assert.Equal(LinuxConstants.IPPROTO_TCP, GetProtocol(client));
        Assert.Equal(MptcpStatus.Unavailable, result.Connection.Status);
        Assert.True(client.NoDelay);
        Connection.AssertCarries(client, accepted, "plain"u8);
    }

    [Fact]
    public async Task ConnectAsync_Required_ConnectsAlsoToAServerWithoutMptcp()
    {
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: false);
        var result = await MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new() { Mode = MptcpMode.Required });
        using var client = result.Socket;
        Assert.Equal(MptcpStatus.FellBack, result.Connection.Status);
    }

    [Fact]
    public async Task ConnectAsync_ConfigureSocket_SeesTheSocketBeforeItConnects()
    {
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: true);
        var opened = new OpenedSockets();
        var wasConnected = true;
        var result = await MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new()
        {
            ConfigureSocket = socket =>
            {
                opened.Add(socket);
                wasConnected = socket.Connected;
                socket.Bind(new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.9"), 0));
            },
        });
        using var client = result.Socket;
        Assert.False(wasConnected);
        opened.AssertClosed(expectedCount: 1, butNot: client);
        Assert.Equal(IPAddress.Parse("127.0.0.9"), Plain(client.LocalEndPoint).Address);
    }

    private static void AssertConnected(MptcpConnectResult result, Socket listener, IPEndPoint endPoint, bool mptcp)
    {
        using var client = result.Socket;
        using var accepted = listener.Accept();
        var expected = mptcp ? MptcpStatus.Active : MptcpStatus.FellBack;
        Assert.Equal(expected, result.Connection.Status);
        Assert.Null(result.Unavailable);
        var attempt = Assert.Single(result.Attempts);
        Assert.Equal(endPoint, attempt.EndPoint);
        Assert.Equal(MptcpConnectOutcome.Connected, attempt.Outcome);
        Assert.Null(attempt.Error);
        Assert.Null(attempt.Unavailable);
        Assert.True(attempt.Duration > TimeSpan.Zero);
        Assert.Equal($"{endPoint}: Connected", attempt.ToString());

        Assert.Equal(endPoint, Plain(client.RemoteEndPoint));
        Assert.Equal(Plain(accepted.RemoteEndPoint), Plain(client.LocalEndPoint));
        Assert.Equal(LinuxConstants.IPPROTO_MPTCP, GetProtocol(client));
        Assert.True(client.NoDelay);
        Assert.True(IsCloseOnExec(client));

        // Whichever family it began with, it can gain subflows of both.
        Assert.Equal(AddressFamily.InterNetworkV6, client.AddressFamily);
        Assert.True(client.DualMode);

        // .NET goes on to treat it as a TCP socket: linger, keep-alive, asynchronous calls.
        Assert.Equal(ProtocolType.Tcp, client.ProtocolType);
        Assert.True(client.Connected);

        var bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(100_000);
        Connection.AssertCarries(client, accepted, bytes);
        Connection.AssertCarries(accepted, client, bytes);
        Assert.Equal(expected, result.Connection.Status);
    }

    private static IPEndPoint Plain(EndPoint? endPoint)
    {
        var ip = (IPEndPoint)endPoint!;
        return ip.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(ip.Address.MapToIPv4(), ip.Port) : ip;
    }

    private static int GetProtocol(Socket socket)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        socket.GetRawSocketOption(LinuxConstants.SOL_SOCKET, LinuxConstants.SO_PROTOCOL, value);
        return BitConverter.ToInt32(value);
    }

    private static bool IsCloseOnExec(Socket socket)
    {
        var flags = File.ReadLines($"/proc/self/fdinfo/{socket.Handle.ToString(CultureInfo.InvariantCulture)}")
            .Single(line => line.StartsWith("flags:", StringComparison.Ordinal))["flags:".Length..].Trim();
        return (Convert.ToInt32(flags, 8) & OpenCloseOnExec) != 0;
    }
}
