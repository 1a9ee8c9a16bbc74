using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>
/// Hosts whose kernel refuses Multipath TCP or path events. Where the kernel can't be imitated it does not refuse;
/// <see cref="Refusals_KernelThatRefuses_HostStartsAndServesTcp"/> runs them again where it can.
/// </summary>
public sealed class RefusedHostTests
{
    public RefusedHostTests() => Requires.Mptcp();

    public static TheoryData<int> Errnos => [1, 5, 13, 22, 38, 71, 91, 92, 93, 94, 95, 99, 111, 133];

    [Fact]
    public async Task Refusals_KernelThatRefuses_HostStartsAndServesTcp()
    {
        if (ImitatedKernel.CanRefuse)
        {
            return;
        }

        Requires.Programs("gcc");
        var result = await ImitatedKernel.RunRefusingAsync(typeof(RefusedHostTests).Assembly.Location, typeof(RefusedHostTests).FullName!);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches(@"Total: (3\d|[4-9]\d), Errors: 0, Failed: 0, Skipped: 0", result.Output);
    }

    [Theory]
    [MemberData(nameof(Errnos))]
    public async Task Preferred_KernelRefusesMptcpSockets_ServesTcpAndSaysWhy(int errno)
    {
        using (ImitatedKernel.Refuse("socket", errno))
        {
            await using var server = await Server.StartAsync();
            var expected = ImitatedKernel.CanRefuse ? "unavailable" : "active";
            if (ImitatedKernel.CanRefuse)
            {
                var line = Assert.Single(server.Log.Ours);
                Assert.Equal((LogLevel.Warning, "MptcpUnavailable"), (line.Level, line.Event.Name));
                Assert.Contains("Multipath TCP", line.Message);
                Assert.Contains(MptcpSupport.Check().ToString(), line.Message);
            }

            // The client prefers Multipath TCP too, and is as refused.
            using var handler = new SocketsHttpHandler();
            handler.UseMptcp();
            using var client = new HttpClient(handler);
            Assert.Equal(expected, await client.GetStringAsync(server.Address));
        }
    }

    [Fact]
    public async Task Required_KernelRefusesWithAnyErrno_DoesNotStartAndSaysWhy()
    {
        using (ImitatedKernel.Refuse("socket", 38))
        {
            var failure = await Record.ExceptionAsync(async () =>
            {
                await using var server = await Server.StartAsync(builder => builder.WebHost.UseMptcp(options => options.Mode = MptcpMode.Required));
            });
            Assert.Equal(ImitatedKernel.CanRefuse, failure is IOException && failure.Message.Contains("errno 38: Function not implemented", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("netlink-socket", 1)]
    [InlineData("netlink-socket", 12)]
    [InlineData("netlink-socket", 24)]
    [InlineData("netlink-socket", 38)]
    [InlineData("netlink-socket", 94)]
    [InlineData("netlink-connect", 1)]
    [InlineData("netlink-connect", 111)]
    [InlineData("netlink-send", 1)]
    [InlineData("netlink-send", 105)]
    [InlineData("netlink-join", 1)]
    [InlineData("netlink-join", 5)]
    [InlineData("netlink-join", 12)]
    [InlineData("netlink-join", 22)]
    [InlineData("netlink-join", 38)]
    public async Task PathMonitor_KernelRefusesNetlink_HostStartsAndSaysWhy(string what, int errno)
    {
        using (ImitatedKernel.Refuse(what, errno))
        {
            await using var server = await Server.StartAsync(builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddMptcpPathMonitor();
            });
            if (ImitatedKernel.CanRefuse)
            {
                Assert.Single(server.Log.Ours, line => line.Event.Name == "PathEventsUnavailable");
                Assert.DoesNotContain(server.Log.All, line => line.Level > LogLevel.Warning);
            }

            Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        }
    }
}
