using System.Diagnostics;
using System.Security.Cryptography;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>An empty folder, and the sample Download run in it as a process of its own.</summary>
internal sealed class DownloadFolder : IDisposable
{
    private static readonly string s_program = Path.Combine(AppContext.BaseDirectory, "Download.dll");

    // The servers are on this machine, whatever proxy the machine has.
    private readonly Dictionary<string, string> _environment = new() { ["http_proxy"] = "", ["https_proxy"] = "", ["all_proxy"] = "" };
    private readonly string _folder = Directory.CreateTempSubdirectory("mptcp-download-").FullName;

    /// <param name="certificates">A file of certificates to trust besides the system's, or null.</param>
    public DownloadFolder(string? certificates = null)
    {
        if (certificates is not null)
        {
            _environment["SSL_CERT_FILE"] = certificates;
        }
    }

    /// <summary>The names of the files in it, in order.</summary>
    public string[] Files => [.. Directory.GetFiles(_folder).Select(file => Path.GetFileName(file)).Order()];

    public string PathOf(string name) => Path.Combine(_folder, name);

    public string HashOf(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(PathOf(name))));

    public RunningProgram Start(params string[] arguments) => StartOn(null, arguments);

    public RunningProgram StartOn(NetworkNamespace? host, params string[] arguments)
    {
        // env runs it in its own place, so that signals arrive.
        string[] run = ["-C", _folder, "dotnet", s_program, .. arguments];
        return host is null ? RunningProgram.Start("env", run, _environment) : RunningProgram.Start("ip", host.Wrap("env", run), _environment);
    }

    /// <summary>With a terminal of its own, whose text and escape sequences are the output. Needs util-linux.</summary>
    public RunningProgram StartOnTerminal(string url) =>
        RunningProgram.Start("env", ["-C", _folder, "TERM=xterm", "script", "-qec", $"dotnet {s_program} {url}", "/dev/null"], _environment);

    public Task<CommandResult> RunAsync(params string[] arguments) => FinishAsync(Start(arguments));

    /// <summary>By a shell, in which $download is the program.</summary>
    public Task<CommandResult> RunShellAsync(string script)
    {
        var environment = new Dictionary<string, string>(_environment) { ["download"] = $"dotnet {s_program}" };
        return FinishAsync(RunningProgram.Start("env", ["-C", _folder, "sh", "-c", script], environment));
    }

    public static async Task<CommandResult> FinishAsync(RunningProgram program, TimeSpan? patience = null)
    {
        using (program)
        {
            var exitCode = await program.WaitForExitAsync(patience ?? TimeSpan.FromMinutes(2));
            Assert.DoesNotContain("   at ", program.Error);
            return new CommandResult(exitCode, program.Output, program.Error);
        }
    }

    /// <summary>Until so much of a file is there.</summary>
    public async Task UntilLengthAsync(string name, long length)
    {
        var file = new FileInfo(PathOf(name));
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(10))
        {
            file.Refresh();
            if (file.Exists && file.Length >= length)
            {
                return;
            }

            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{name} has {(file.Exists ? file.Length : null)} bytes, not {length}.");
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
