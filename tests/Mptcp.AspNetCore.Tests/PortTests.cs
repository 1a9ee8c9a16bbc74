using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class PortTests
{
    public PortTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Restart_ConnectionInTimeWait_ListensAgainOnThePort(bool mptcpClient)
    {
        Requires.Programs("ss");
        var port = Ports.Free(1)[0];
        await using (var first = await StartAsync(port))
        {
            // The server closes first, so that TIME_WAIT is on its port.
            using var client = await Client.ConnectAsync(first.EndPoint, mptcpClient);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
            while (await client.ReceiveAsync(new byte[4096]) > 0)
            {
            }
        }

        // An MPTCP connection closes its subflow a moment after itself.
        var timeout = DateTime.UtcNow.AddSeconds(30);
        while ((await TestNetwork.Command.RunCheckedAsync("ss", "-tnHo", "state", "time-wait", $"sport = :{port}")).Length == 0)
        {
            Assert.True(DateTime.UtcNow < timeout, "No connection came into TIME_WAIT.");
            await Task.Delay(10);
        }

        await using var second = await StartAsync(port);
        Assert.Equal("active", await second.GetStatusAsync(mptcp: true));
    }

    [Fact]
    public async Task Start_PortInUse_FailsAsKestrelAlwaysDoes()
    {
        var port = Ports.Free(1)[0];
        await using var first = await StartAsync(port);
        var ours = await Assert.ThrowsAsync<IOException>(() => StartAsync(port));
        var stock = await Assert.ThrowsAsync<IOException>(() =>
            Server.StartAsync(builder => builder.WebHost.UseUrls($"http://127.0.0.1:{port}")));

        Assert.Equal(stock.Message, ours.Message);
        Assert.IsType<AddressInUseException>(ours.InnerException);
        Assert.Contains("address already in use", ours.Message);
    }

    [Fact]
    public async Task Start_TwoProcesses_OnlyOneHasThePort()
    {
        var port = Ports.Free(1)[0];
        using var first = await QuickStartProcess.StartAsync(null, null, "--urls", $"http://127.0.0.1:{port}");
        using var second = QuickStartProcess.Launch(null, null, "--urls", $"http://127.0.0.1:{port}");
        Assert.NotEqual(0, await second.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Contains("address already in use", second.Program.Error);
        Assert.False(first.Program.HasExited);
    }

    [Fact]
    public async Task Start_TcpListenerHasThePort_Fails()
    {
        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        tcp.Listen();
        var failure = await Assert.ThrowsAsync<IOException>(() => StartAsync(((IPEndPoint)tcp.LocalEndPoint!).Port));
        Assert.Contains("address already in use", failure.Message);
    }

    private static Task<Server> StartAsync(int port) =>
        Server.StartAsync(builder => builder.WebHost.UseMptcp().UseUrls($"http://127.0.0.1:{port}"));
}
