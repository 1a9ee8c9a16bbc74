using System.Globalization;
using System.Text.RegularExpressions;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Hosts that can't do Multipath TCP, or can do it over IPv4 only.</summary>
public sealed partial class UnsupportedHostTests
{
    public UnsupportedHostTests() => Requires.Mptcp();

    [Fact]
    public async Task ConnectAsync_SwitchedOffInTheNamespace_TcpWithTheRemedyThatWorks()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        using var destination = host.Run(() => Destination.Open(("127.0.0.1", Manner.Mptcp)));
        host.SetParameter("net/mptcp/enabled", "0");

        var result = await host.Run(() => MptcpConnector.ConnectAsync(destination.EndPoints[0]));
        using var client = result.Socket;
        Assert.Equal(MptcpUnavailableReason.DisabledBySysctl, result.Unavailable!.Reason);
        Assert.Contains("net.mptcp.enabled is 0", result.Unavailable.Explanation);
        Assert.Equal(MptcpStatus.Unavailable, result.Connection.Status);
        using var accepted = await destination.AcceptAsync("127.0.0.1");
        Connection.AssertCarries(client, accepted, "over TCP"u8);

        var required = new MptcpConnectOptions { Mode = MptcpMode.Required };
        var failure = await Assert.ThrowsAsync<PlatformNotSupportedException>(
            () => host.Run(() => MptcpConnector.ConnectAsync(destination.EndPoints[0], required)));
        Assert.Equal(result.Unavailable.ToString(), failure.Message);

        var disabled = await host.Run(() => MptcpConnector.ConnectAsync(destination.EndPoints[0], new() { Mode = MptcpMode.Disabled }));
        disabled.Socket.Dispose();
        Assert.Null(disabled.Unavailable);

        // The remedy is a command: run it.
        const string Command = "sysctl -w net.mptcp.enabled=1";
        Assert.EndsWith(Command, result.Unavailable.Remedy);
        await host.ExecuteAsync("sh", "-c", Command);
        var again = await host.Run(() => MptcpConnector.ConnectAsync(destination.EndPoints[0], required));
        again.Socket.Dispose();
        Assert.Null(again.Unavailable);
    }

    [Theory]
    [InlineData(Errno.EPROTONOSUPPORT)]
    [InlineData(Errno.EPERM)]
    [InlineData(Errno.EACCES)]
    [InlineData(Errno.EINVAL)]
    [InlineData(Errno.ENOPROTOOPT)]
    [InlineData(Errno.EAFNOSUPPORT)]
    public Task ConnectAsync_KernelThatRefuses_TcpWithTheReason(int errno) =>
        RunAgainAsync($"{errno},{errno}", ImitatedKernel.SocketFails(errno));

    [Fact]
    public Task ConnectAsync_KernelWithMptcpOverIPv4Only_MptcpToIPv4Addresses() =>
        RunAgainAsync($"0,{Errno.EPROTONOSUPPORT}", ImitatedKernel.IPv6SocketFails(Errno.EPROTONOSUPPORT));

    private static async Task RunAgainAsync(string refusals, string imitation)
    {
        Requires.Programs("gcc");
        Requires.IPv6();
        var environment = await ImitatedKernel.GetEnvironmentAsync(imitation);
        environment[AnyHostTests.Refusals] = refusals;

        var result = await Command.RunAsync(
            "dotnet", [typeof(UnsupportedHostTests).Assembly.Location, "-noColor", "-class", typeof(AnyHostTests).FullName!], environment);

        Assert.True(result.ExitCode == 0, result.ToString());
        var summary = Summary().Match(result.Output);
        Assert.True(summary.Success, result.ToString());
        Assert.InRange(int.Parse(summary.Groups["total"].Value, CultureInfo.InvariantCulture), 11, int.MaxValue);
    }

    [GeneratedRegex(@"Total: (?<total>\d+), Errors: 0, Failed: 0, Skipped: 0")]
    private static partial Regex Summary();
}
