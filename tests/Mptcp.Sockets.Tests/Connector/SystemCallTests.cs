using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Counts the system calls with strace, which watches this process. Nothing else runs meanwhile.</summary>
[Collection(nameof(AloneTests))]
public sealed partial class SystemCallTests
{
    // <asm-generic/socket.h>
    private const int SO_TYPE = 3;

    private const string Traced =
        "socket,connect,bind,setsockopt,getsockopt,getsockname,getpeername,fcntl,ioctl,dup,dup2,dup3,close,poll,ppoll,epoll_ctl,shutdown";
    private const string Sends = "sendto,sendmsg,write";

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

    /// <summary>
    /// From the first call to the first byte of the request; nobody listens to the metrics. Ours takes as many calls to an address of either
    /// family (measured: 14), and .NET three fewer to an IPv6 one that it is given as an address (11).
    /// </summary>
    [Theory]
    [InlineData("127.0.0.1", 1)]
    [InlineData("localhost", 1)]
    [InlineData("[::1]", 3)]
    public async Task UseMptcp_FirstRequest_CostsSoManyCallsMoreThanDotNetAtMost(string host, int more)
    {
        using var listener = Connection.Listen(IPAddress.IPv6Any, mptcp: true);
        using var end = new CancellationTokenSource();
        var serving = ServeAsync(listener, end.Token);
        var uri = new Uri($"http://{host}:{((IPEndPoint)listener.LocalEndPoint!).Port}/");

        // Compiles what is needed, and opens what the runtime needs, before anybody counts.
        await RequestAsync(uri, mptcp: false);
        await RequestAsync(uri, mptcp: true);

        string[] plain, ours;
        var timeout = DateTime.UtcNow.AddMinutes(1);
        do
        {
            Assert.True(DateTime.UtcNow < timeout, "strace never watched the threads that connected.");
            (plain, ours) = await TraceAsync(listener, uri);
        }
        while (plain.Length == 0 || ours.Length == 0);

        var message = $".NET, {plain.Length}:\n{string.Join('\n', plain)}\nUseMptcp, {ours.Length}:\n{string.Join('\n', ours)}";
        TestContext.Current.TestOutputHelper!.WriteLine(message);
        Assert.Contains(ours, call => call.Contains("MPTCP", StringComparison.Ordinal) || call.Contains("0x106", StringComparison.Ordinal));
        Assert.DoesNotContain(plain, call => call.StartsWith("dup3", StringComparison.Ordinal));
        Assert.True(ours.Length <= plain.Length + more, message);
        await end.CancelAsync();
        await serving;
    }

    private static async Task RequestAsync(Uri uri, bool mptcp)
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        using var client = new HttpClient(mptcp ? handler.UseMptcp() : handler);
        Assert.Equal("ok", await client.GetStringAsync(uri));
    }

    /// <summary>The calls of the client in either request; none when strace missed some.</summary>
    private static async Task<(string[] Plain, string[] Ours)> TraceAsync(Socket marker, Uri uri)
    {
        var file = Path.GetTempFileName();
        using var strace = RunningProgram.Start(
            "strace", ["-f", "-e", $"trace={Traced},{Sends}", "-o", file, "-p", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await strace.WaitForTextAsync("attached");

        Mark(marker);
        await RequestAsync(uri, mptcp: false);
        Mark(marker);
        await RequestAsync(uri, mptcp: true);
        Mark(marker);

        await strace.InterruptAsync();
        await strace.WaitForExitAsync(TimeSpan.FromMinutes(1));
        var calls = Join(await File.ReadAllLinesAsync(file));
        File.Delete(file);
        var marks = Enumerable.Range(0, calls.Count).Where(i => calls[i].Contains("SO_TYPE", StringComparison.Ordinal)).ToArray();
        return marks.Length == 3
            ? (FindSetUp(calls[marks[0]..marks[1]]), FindSetUp(calls[marks[1]..marks[2]]))
            : ([], []);
    }

    private static void Mark(Socket socket) => socket.GetRawSocketOption(LinuxConstants.SOL_SOCKET, SO_TYPE, stackalloc byte[sizeof(int)]);

    /// <summary>One line for each call, without the thread: strace breaks those that another thread's come between.</summary>
    private static List<string> Join(string[] lines)
    {
        var begun = new Dictionary<string, int>();
        var calls = new List<string>();
        foreach (var line in lines)
        {
            var (thread, call) = (line.Split(' ')[0], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..].TrimStart());
            if (Resumed().Match(call) is { Success: true } rest)
            {
                if (begun.Remove(thread, out var index))
                {
                    calls[index] += call[rest.Length..];
                }
            }
            else
            {
                begun[thread] = calls.Count;
                calls.Add(call.Replace("<unfinished ...>", "", StringComparison.Ordinal));
            }
        }

        return calls;
    }

    /// <summary>The calls on what the client opens, until it sends. The server in this process opens nothing, it accepts.</summary>
    private static string[] FindSetUp(List<string> calls)
    {
        var descriptors = new HashSet<string>();
        var found = new List<string>();
        foreach (var call in calls)
        {
            if (call.StartsWith("socket(", StringComparison.Ordinal))
            {
                found.Add(call);
                descriptors.Add(call[(call.LastIndexOf('=') + 1)..].Trim());
                continue;
            }

            // The first argument; the third of epoll_ctl; a member of poll's first.
            var arguments = Descriptor().Match(call);
            if (!descriptors.Contains(arguments.Groups["fd"].Value))
            {
                continue;
            }

            if (Sends.Split(',').Contains(arguments.Groups["name"].Value))
            {
                // Without a connect it would be another thing than a connection.
                return found.Any(other => other.StartsWith("connect(", StringComparison.Ordinal)) ? [.. found] : [];
            }

            found.Add(call);
            if (arguments.Groups["name"].Value == "close")
            {
                descriptors.Remove(arguments.Groups["fd"].Value);
            }
        }

        return [];
    }

    private static async Task ServeAsync(Socket listener, CancellationToken end)
    {
        var buffer = new byte[4096];
        while (!end.IsCancellationRequested)
        {
            try
            {
                using var socket = await listener.AcceptAsync(end);
                while (await socket.ReceiveAsync(buffer, end) > 0)
                {
                    await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray(), end);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    [GeneratedRegex(@"^<\.\.\. \w+ resumed>")]
    private static partial Regex Resumed();

    [GeneratedRegex(@"^(?<name>epoll_ctl)\(\d+, \w+, (?<fd>\d+)|^(?<name>p?poll)\(\[\{fd=(?<fd>\d+)|^(?<name>\w+)\((?<fd>\d+)")]
    private static partial Regex Descriptor();
}
