namespace Mptcp.TestNetwork;

/// <summary>
/// Runs programs as on kernels that this machine doesn't have: a preloaded C library changes the answers at the system-call
/// boundary (see imitated_kernel.c). Needs gcc.
/// </summary>
public static class ImitatedKernel
{
    /// <summary>Before Linux 6.10: TCP_IS_MPTCP is not known.</summary>
    public const string NoTcpIsMptcp = "no-tcp-is-mptcp";

    /// <summary>Before Linux 6.5: MPTCP_FULL_INFO is not known.</summary>
    public const string NoFullInfo = "no-full-info";

    /// <summary>Before Linux 5.16: MPTCP_INFO is not known, nor what came with it and after it.</summary>
    public const string NoMptcpInfo = "no-mptcp-info";

    /// <summary>Before Linux 5.17: MPTCP sockets refuse TCP_NODELAY.</summary>
    public const string NoNoDelay = "no-nodelay";

    /// <summary>What the file named by <see cref="While"/> says, see <see cref="Refuse"/>.</summary>
    public const string AsTheFileSays = "as-the-file-says";

    /// <summary>The environment variable with the name of a file, see <see cref="AcceptFails"/>.</summary>
    public const string While = "IMITATED_KERNEL_WHILE";

    /// <summary>Whether this program runs on a kernel that <see cref="Refuse"/> changes.</summary>
    public static bool CanRefuse => Environment.GetEnvironmentVariable("IMITATED_KERNEL") == AsTheFileSays;

    private static readonly Lazy<Task<string>> s_library = new(CompileAsync);

    /// <summary>socket(IPPROTO_MPTCP) fails with this errno.</summary>
    public static string SocketFails(int errno) => $"socket-errno={errno}";

    /// <summary>socket(AF_INET6, …, IPPROTO_MPTCP) fails with this errno: EPROTONOSUPPORT where the kernel was built with MPTCP for IPv4 only.</summary>
    public static string IPv6SocketFails(int errno) => $"ipv6-errno={errno}";

    /// <summary>accept() fails with this errno, for as long as the file named by <see cref="While"/> in the environment exists.</summary>
    public static string AcceptFails(int errno) => $"accept-errno={errno}";

    /// <summary>
    /// Where <see cref="CanRefuse"/>: the kernel under this program refuses from now on until it is disposed. Elsewhere nothing.
    /// </summary>
    /// <param name="what">The word for the call, see imitated_kernel.c.</param>
    /// <param name="number">The errno, or the length of the answer.</param>
    public static IDisposable Refuse(string what, int number) => new Refusal(what, number);

    /// <summary>Runs test classes of an assembly again, in a process of its own, on a kernel that <see cref="Refuse"/> changes.</summary>
    public static async Task<CommandResult> RunRefusingAsync(string assembly, params string[] classes)
    {
        var folder = Directory.CreateTempSubdirectory("mptcp-refusals");
        try
        {
            var environment = await GetEnvironmentAsync(AsTheFileSays);
            environment[While] = Path.Combine(folder.FullName, "refusal");
            return await Command.RunAsync(
                "dotnet", [assembly, "-noColor", .. classes.SelectMany(name => new[] { "-class", name })], environment, TimeSpan.FromMinutes(5));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The environment that makes a program see the kernel described.</summary>
    public static async Task<Dictionary<string, string>> GetEnvironmentAsync(params string[] imitations) => new()
    {
        ["LD_PRELOAD"] = await s_library.Value,
        ["IMITATED_KERNEL"] = string.Join(',', imitations),
    };

    private static async Task<string> CompileAsync()
    {
        var source = Path.Combine(Path.GetDirectoryName(typeof(ImitatedKernel).Assembly.Location)!, "imitated_kernel.c");
        var library = Path.Combine(Directory.CreateTempSubdirectory("mptcp-imitated-kernel").FullName, "imitated_kernel.so");
        await Command.RunCheckedAsync("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(library)!, recursive: true);
        return library;
    }

    private sealed class Refusal : IDisposable
    {
        public Refusal(string what, int number)
        {
            if (CanRefuse)
            {
                File.WriteAllText(Environment.GetEnvironmentVariable(While)!, $"{what} {number}");
            }
        }

        public void Dispose()
        {
            if (CanRefuse)
            {
                File.Delete(Environment.GetEnvironmentVariable(While)!);
            }
        }
    }
}
