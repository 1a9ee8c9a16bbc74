using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Mptcp.TestNetwork;

/// <summary>A host of its own: a network namespace with a loopback device, removed when disposed. Needs root and iproute2.</summary>
public sealed partial class NetworkNamespace : IAsyncDisposable
{
    private const string Prefix = "mptcptest";
    private const int CLONE_NEWNET = 0x40000000;

    private static int s_count;

    private NetworkNamespace(string name) => Name = name;

    /// <summary>The name, as <c>ip netns</c> has it. It carries the pid of its owner.</summary>
    public string Name { get; }

    public static async Task<NetworkNamespace> CreateAsync()
    {
        await RemoveLeftoversAsync();
        var name = string.Create(
            CultureInfo.InvariantCulture, $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");
        await Command.RunCheckedAsync("ip", "netns", "add", name);
        await Command.RunCheckedAsync("ip", "-n", name, "link", "set", "lo", "up");
        return new NetworkNamespace(name);
    }

    /// <summary>Runs a program on this host.</summary>
    public Task<string> ExecuteAsync(string file, params string[] arguments) =>
        Command.RunCheckedAsync("ip", ["netns", "exec", Name, file, .. arguments]);

    /// <summary>The arguments that make <c>ip</c> run a program on this host.</summary>
    public IEnumerable<string> Wrap(string file, IEnumerable<string> arguments) => ["netns", "exec", Name, file, .. arguments];

    /// <summary>
    /// Runs code on this host, on a thread of its own: a socket belongs for ever to the namespace of the thread that opened it, and
    /// can be used from anywhere afterwards.
    /// </summary>
    public T Run<T>(Func<T> code)
    {
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle($"/run/netns/{Name}");
                if (SetNs(file, CLONE_NEWNET) != 0)
                {
                    throw new InvalidOperationException($"setns: {Marshal.GetLastPInvokeErrorMessage()}");
                }

                result = code();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }

    public async ValueTask DisposeAsync() => await Command.RunCheckedAsync("ip", "netns", "del", Name);

    /// <summary>Removes the namespaces of owners that crashed.</summary>
    private static async Task RemoveLeftoversAsync()
    {
        var folder = new DirectoryInfo("/run/netns");
        foreach (var file in folder.Exists ? folder.GetFiles($"{Prefix}-*") : [])
        {
            var owner = file.Name.Split('-')[1];
            if (!Directory.Exists($"/proc/{owner}"))
            {
                // Another test run may be removing it at the same moment.
                await Command.RunAsync("ip", ["netns", "del", file.Name]);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNs(SafeHandle descriptor, int type);
}
