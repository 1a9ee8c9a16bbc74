using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Counts the system calls with strace, which watches this process. Nothing else runs meanwhile.</summary>
[Collection(nameof(SystemCallTests))]
[CollectionDefinition(nameof(SystemCallTests), DisableParallelization = true)]
public sealed class SystemCallTests
{
    // <asm-generic/socket.h>
    private const int SOL_SOCKET = 1;
    private const int SO_TYPE = 3;

    public SystemCallTests()
    {
        Requires.Mptcp();
        Requires.Programs("strace");

        // A child may not watch its parent where Yama forbids it, as Ubuntu does.
        const string Yama = "/proc/sys/kernel/yama/ptrace_scope";
        Requires.That(
            Environment.IsPrivilegedProcess || !File.Exists(Yama) || File.ReadAllText(Yama).Trim() == "0",
            "strace may watch this process only as root here (kernel.yama.ptrace_scope).");
    }

    [Theory]
    [InlineData(true, false, 1)]
    [InlineData(false, false, 1)]
    [InlineData(true, true, 2)]
    [InlineData(false, true, 1)]
    public Task Status_ReadAThousandTimesOrNever_AtMostOneCallAfterTheOneAtAccept(bool mptcp, bool read, int expected) => AssertCallsAsync(
        mptcp,
        feature =>
        {
            for (var i = 0; read && i < 1000; i++)
            {
                _ = feature.Status;
            }
        },
        expected);

    [Fact]
    public Task GetSubflows_Mptcp_OneCallAfterTheOneAtAccept() => AssertCallsAsync(mptcp: true, feature => Assert.Single(feature.GetSubflows()), expected: 2);

    private static async Task AssertCallsAsync(bool mptcp, Action<IMptcpFeature> use, int expected)
    {
        await using var server = await Server.StartAsync(map: app =>
        {
            app.MapGet("/many", (HttpContext context) =>
            {
                // Between two calls of our own, on the same thread: strace can miss a thread that starts while it attaches. The one that
                // accepts is another: a call too few can also mean that.
                var socket = context.Features.Get<IConnectionSocketFeature>()!.Socket;
                socket.GetRawSocketOption(SOL_SOCKET, SO_TYPE, stackalloc byte[sizeof(int)]);
                use(context.Features.Get<IMptcpFeature>()!);
                socket.GetRawSocketOption(SOL_SOCKET, SO_TYPE, stackalloc byte[sizeof(int)]);
                return socket.Handle.ToString(CultureInfo.InvariantCulture);
            });
        });

        // Compiles what is needed, and opens MPTCP_INFO's question to the kernel, before anybody counts.
        await server.GetStatusAsync(mptcp: true);

        string[] calls;
        var timeout = DateTime.UtcNow.AddMinutes(1);
        do
        {
            calls = await TraceAsync(server, mptcp);
        }
        while ((calls.Count(IsMarker) != 2 || calls.Length < expected + 2) && DateTime.UtcNow < timeout);

        Assert.True(expected + 2 == calls.Length, $"{calls.Length} calls instead of {expected + 2}:\n{string.Join('\n', calls)}");

        static bool IsMarker(string call) => call.Contains("SO_TYPE", StringComparison.Ordinal);
    }

    /// <summary>The calls of getsockopt on the connection of one request.</summary>
    private static async Task<string[]> TraceAsync(Server server, bool mptcp)
    {
        var file = Path.GetTempFileName();
        using var strace = RunningProgram.Start(
            "strace", ["-f", "-e", "trace=getsockopt", "-o", file, "-p", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await strace.WaitForTextAsync("attached");

        using var client = server.CreateClient(mptcp);
        var descriptor = await client.GetStringAsync("/many");

        await strace.InterruptAsync();
        await strace.WaitForExitAsync(TimeSpan.FromMinutes(1));
        var calls = (await File.ReadAllLinesAsync(file)).Where(line => line.Contains($"getsockopt({descriptor},", StringComparison.Ordinal)).ToArray();
        File.Delete(file);
        return calls;
    }
}
