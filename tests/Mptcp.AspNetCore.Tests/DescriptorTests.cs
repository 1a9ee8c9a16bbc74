using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests;

/// <summary>What the accept loop does when the system can't give it a socket, and what Kestrel's own does.</summary>
public sealed class DescriptorTests(ITestOutputHelper output)
{
    private const int Waiting = 50;

    private static readonly byte[] s_request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Accept_DescriptorsExhausted_WaitsWithoutSpinningAndServesAgain(bool mptcp)
    {
        Requires.Programs("prlimit");
        var stock = await ExhaustAsync(TestServerProcess.Stock, mptcp);
        var ours = await ExhaustAsync(TestServerProcess.Mptcp, mptcp);

        Assert.True(ours.Load < stock.Load / 2 && ours.Load < 0.25, $"ours {ours}, stock {stock}");
        Assert.Equal(0, stock.Warnings);
        Assert.Equal((1, 0), (ours.Warnings, ours.Lost));
        Assert.InRange(ours.AcceptErrors, 1, 100);
    }

    [Theory]
    [InlineData(23)] // ENFILE
    [InlineData(105)] // ENOBUFS
    [InlineData(12)] // ENOMEM
    [InlineData(999)] // that nobody has heard of
    public async Task Accept_KernelThatHasNoSocketToGive_WaitsWithoutSpinningAndServesAgain(int errno)
    {
        Requires.Programs("gcc");
        var file = Path.GetTempFileName();
        try
        {
            var environment = await ImitatedKernel.GetEnvironmentAsync(ImitatedKernel.AcceptFails(errno));
            environment[ImitatedKernel.While] = file;
            using var server = await TestServerProcess.StartAsync(
                TestServerProcess.Mptcp, ["--Http", "0", "--Logging:LogLevel:Mptcp.AspNetCore", "Information"], environment: environment);
            await server.Program.WaitForTextAsync("can't be accepted");
            using var waiting = await Client.ConnectAsync(EndPointOf(server), mptcp: true);
            await waiting.SendAsync(s_request);
            var load = await MeasureLoadAsync(server);
            File.Delete(file);

            await AssertServedAsync(waiting);
            await server.Program.WaitForTextAsync("are accepted again");
            var figures = await server.GetFiguresAsync(collect: false);
            output.WriteLine($"errno {errno}: {load:F2} of a core, {figures.AcceptErrors} attempts. {Line(server, "can't be accepted")}");
            Assert.True(load < 0.25, $"{load}");
            Assert.Equal(1, CountWarnings(server));
            Assert.True(figures.AcceptErrors >= 3);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>What the loop gave up at the first error, the rest of the process has taken: it does not try to accept, and says so all the same.</summary>
    [Fact]
    public async Task Accept_NoDescriptorComesFreeAgain_GoesOnCounting()
    {
        Requires.Programs("prlimit");
        using var server = await TestServerProcess.StartAsync(TestServerProcess.Mptcp, ["--Http", "0", "--Logging:LogLevel:Mptcp.AspNetCore", "Information"]);
        var endPoint = EndPointOf(server);
        await WarmUpAsync(endPoint);

        // Fewer than the process has open, so that not one of those it closes can be had again.
        await LimitDescriptorsAsync(server, 20);
        using var waiting = await Client.ConnectAsync(endPoint, mptcp: false);
        await waiting.SendAsync(s_request);
        await server.Program.WaitForTextAsync("can't be accepted");
        var load = await MeasureLoadAsync(server);
        await LimitDescriptorsAsync(server, 1024);
        await AssertServedAsync(waiting);

        var figures = await server.GetFiguresAsync(collect: false);
        Assert.True(load < 0.25, $"{load}");
        Assert.Equal(1, CountWarnings(server));
        Assert.InRange(figures.AcceptErrors, 5, 100);
    }

    /// <summary>The kernel reports such errors of the connection that waits, and forgets it: the next one may be well, and nobody waits.</summary>
    [Fact]
    public async Task Accept_ErrorOfOneConnection_IsNoReasonToWarn()
    {
        Requires.Programs("gcc");
        const int ECONNABORTED = 103;
        var file = Path.GetTempFileName();
        try
        {
            var environment = await ImitatedKernel.GetEnvironmentAsync(ImitatedKernel.AcceptFails(ECONNABORTED));
            environment[ImitatedKernel.While] = file;
            using var server = await TestServerProcess.StartAsync(TestServerProcess.Mptcp, environment: environment);

            // It never ends here, as it never would on a kernel: then it is taken for what it is not, and the loop waits all the same.
            await server.Program.WaitForTextAsync("can't be accepted");
            var load = await MeasureLoadAsync(server);
            File.Delete(file);
            var figures = await server.GetFiguresAsync(collect: false);
            Assert.True(load < 0.25, $"{load}");
            Assert.True(figures.AcceptErrors >= 1000, $"{figures.AcceptErrors} at once, before the first warning");
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Without a true shortage, in which the runtime itself may find no descriptor for what it needs to stop.</summary>
    [Fact]
    public async Task Stop_WhileAcceptWaitsForDescriptors_Ends()
    {
        Requires.Programs("gcc");
        const int EMFILE = 24;
        var file = Path.GetTempFileName();
        try
        {
            var environment = await ImitatedKernel.GetEnvironmentAsync(ImitatedKernel.AcceptFails(EMFILE));
            environment[ImitatedKernel.While] = file;
            using var server = await TestServerProcess.StartAsync(TestServerProcess.Mptcp, environment: environment);
            await server.Program.WaitForTextAsync("can't be accepted");

            await server.Program.TerminateAsync();

            Assert.Equal(0, await server.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
            Assert.DoesNotContain("crit:", server.Program.Output, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private async Task<Outcome> ExhaustAsync(string transport, bool mptcp)
    {
        using var server = await TestServerProcess.StartAsync(transport, ["--Http", "0", "--Logging:LogLevel:Mptcp.AspNetCore", "Information"]);
        var endPoint = EndPointOf(server);
        await WarmUpAsync(endPoint);
        using var before = await Client.ConnectAsync(endPoint, mptcp);
        await before.SendAsync(s_request);
        await AssertServedAsync(before);

        await LimitDescriptorsAsync(server, CountDescriptors(server) + 5);
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < Waiting; i++)
            {
                sockets.Add(await Client.ConnectAsync(endPoint, mptcp));
                await sockets[^1].SendAsync(s_request);
            }

            await Wait.UntilAsync(() => server.Program.Output.Contains("can't be accepted", StringComparison.Ordinal) || transport == TestServerProcess.Stock);
            var load = await MeasureLoadAsync(server, stretches: transport == TestServerProcess.Stock ? 1 : 5);

            // Who was accepted before is to be served all the while.
            await before.SendAsync(s_request);
            var servedBefore = await IsServedAsync(before);

            var clock = Stopwatch.StartNew();
            await LimitDescriptorsAsync(server, 1024);
            var lost = 0;
            foreach (var socket in sockets)
            {
                lost += await IsServedAsync(socket) ? 0 : 1;
            }

            var (served, figures) = (clock.Elapsed, await server.GetFiguresAsync(collect: false));
            var outcome = new Outcome(load, CountWarnings(server), figures.AcceptErrors, servedBefore ? lost : lost + 1);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{transport}, {(mptcp ? "MPTCP" : "TCP")} clients: {load:F2} of a core, {outcome.Warnings} warnings, {outcome.AcceptErrors} attempts counted, {Waiting - lost} of {Waiting} served {served.TotalMilliseconds:F0} ms after descriptors came free. {Line(server, "can't be accepted")}"));
            return outcome;
        }
        catch (Exception e) when (transport == TestServerProcess.Stock)
        {
            // Its connections end before it has ended itself.
            await Wait.UntilAsync(() => server.Program.HasExited, () => $"{e}");
            output.WriteLine($"{transport}: the process died. {server.Program.Error}");
            return new Outcome(double.PositiveInfinity, 0, 0, Waiting);
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }

    /// <summary>The runtime itself dies where it has to load something for the first time and gets no descriptor for it.</summary>
    private static async Task WarmUpAsync(IPEndPoint endPoint)
    {
        for (var i = 0; i < 100; i++)
        {
            using var socket = await Client.ConnectAsync(endPoint, mptcp: false);
            await socket.SendAsync(s_request);
            if (i % 2 == 0)
            {
                await AssertServedAsync(socket);
            }

            socket.LingerState = new LingerOption(true, 0);
        }
    }

    /// <summary>
    /// The cores that the server keeps busy, over two seconds: the least of some such stretches, until one is quiet, for after its start it
    /// still compiles. One that spins has none.
    /// </summary>
    private static async Task<double> MeasureLoadAsync(TestServerProcess server, int stretches = 5)
    {
        using var process = Process.GetProcessById(server.Program.Id);
        var least = double.PositiveInfinity;
        for (var i = 0; i < stretches && least > 0.1; i++)
        {
            process.Refresh();
            var (before, clock) = (process.TotalProcessorTime, Stopwatch.StartNew());
            await Task.Delay(TimeSpan.FromSeconds(2));
            process.Refresh();
            least = Math.Min(least, (process.TotalProcessorTime - before) / clock.Elapsed);
        }

        return least;
    }

    private static async Task AssertServedAsync(Socket socket) => Assert.True(await IsServedAsync(socket));

    private static async Task<bool> IsServedAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var (buffer, response) = (new byte[1024], "");
        while (!response.EndsWith("Hello, World!", StringComparison.Ordinal))
        {
            var count = await socket.ReceiveAsync(buffer, limit.Token);
            if (count == 0)
            {
                return false;
            }

            response += Encoding.ASCII.GetString(buffer, 0, count);
        }

        return true;
    }

    private static int CountDescriptors(TestServerProcess server) => Directory.GetFileSystemEntries($"/proc/{server.Program.Id}/fd").Length;

    /// <summary>The soft limit alone, which can be raised again.</summary>
    private static async Task LimitDescriptorsAsync(TestServerProcess server, int count) => await Command.RunCheckedAsync(
        "prlimit", string.Create(CultureInfo.InvariantCulture, $"--pid={server.Program.Id}"), string.Create(CultureInfo.InvariantCulture, $"--nofile={count}:"));

    private static IPEndPoint EndPointOf(TestServerProcess server) => IPEndPoint.Parse(server.Addresses[0].Authority);

    private static int CountWarnings(TestServerProcess server) => server.Log.Count(line => line.StartsWith("warn:", StringComparison.Ordinal));

    private static string? Line(TestServerProcess server, string text) =>
        server.Program.Output.Split('\n').FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal));

    private sealed record Outcome(double Load, int Warnings, long AcceptErrors, int Lost);
}
