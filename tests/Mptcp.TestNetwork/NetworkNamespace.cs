using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Mptcp.TestNetwork;

/// <summary>A host of its own: a network namespace with a loopback device, removed when disposed. Needs root and iproute2.</summary>
public sealed partial class NetworkNamespace : IAsyncDisposable
{
    private const int CLONE_NEWNET = 0x40000000;

    private NetworkNamespace(string name) => Name = name;

    /// <summary>The name, as <c>ip netns</c> has it. It carries its owner.</summary>
    public string Name { get; }

    public static async Task<NetworkNamespace> CreateAsync()
    {
        await NamespaceName.RemoveLeftoversAsync();
        var name = NamespaceName.Next();
        try
        {
            await Command.RunCheckedAsync("ip", "netns", "add", name);
            await Command.RunCheckedAsync("ip", "-n", name, "link", "set", "lo", "up");
            return new NetworkNamespace(name);
        }
        catch
        {
            // Ctrl-C on a terminal also ends the `ip` that runs.
            await Command.RunAsync("ip", ["netns", "del", name]);
            throw;
        }
    }

    /// <summary>Runs a program on this host.</summary>
    public Task<string> ExecuteAsync(string file, params string[] arguments) =>
        Command.RunCheckedAsync("ip", ["netns", "exec", Name, file, .. arguments]);

    /// <summary>Runs the commands of <c>ip</c>, in one process: to start one takes longer than what they do.</summary>
    public Task ConfigureAsync(IReadOnlyList<string> commands, bool ipv6 = false) =>
        Command.RunCheckedAsync("ip", [.. ipv6 ? ["-6"] : Array.Empty<string>(), "-n", Name, "-batch", "-"], commands);

    /// <summary>Runs the commands of <c>nft</c>: all of them, or none. Needs nftables.</summary>
    public Task FilterAsync(IReadOnlyList<string> commands) =>
        Command.RunCheckedAsync("ip", Wrap("nft", ["-f", "-"]), commands);

    /// <summary>Sets a kernel parameter of this host, named as in <c>/proc/sys</c>.</summary>
    public void SetParameter(string name, string value) => Run(() =>
    {
        // A value that is there already may be one that a namespace inherits and can't choose, such as the congestion control bbr.
        var path = $"/proc/sys/{name}";
        if (File.ReadAllText(path).Trim() != value)
        {
            File.WriteAllText(path, value);
        }
    });

    /// <summary>
    /// Has clients on this host ask for Multipath TCP whatever became of others. Where a server, flooded or cut off, answers a client only
    /// when it asks without, the kernel does without for an hour (Linux 6.12; before there is nothing to end).
    /// </summary>
    public void EndBlackholeDetection()
    {
        if (Run(() => File.Exists("/proc/sys/net/mptcp/blackhole_timeout")))
        {
            SetParameter("net/mptcp/blackhole_timeout", "0");
        }
    }

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

    /// <inheritdoc cref="Run{T}"/>
    public void Run(Action code) => Run(() =>
    {
        code();
        return true;
    });

    public async ValueTask DisposeAsync() => await Command.RunCheckedAsync("ip", "netns", "del", Name);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNs(SafeHandle descriptor, int type);
}
