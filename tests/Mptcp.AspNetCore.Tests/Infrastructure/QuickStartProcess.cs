using System.Globalization;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>The sample as a process of its own.</summary>
internal sealed class QuickStartProcess : IDisposable
{
    private QuickStartProcess(RunningProgram program, int port)
    {
        Program = program;
        Port = port;
    }

    public RunningProgram Program { get; }

    public int Port { get; }

    /// <param name="environment">Environment variables for it.</param>
    /// <param name="host">The host to run it on, instead of this one.</param>
    /// <param name="arguments">Arguments; without any it listens on localhost, on a free port.</param>
    public static async Task<QuickStartProcess> StartAsync(
        Dictionary<string, string>? environment = null, NetworkNamespace? host = null, params string[] arguments)
    {
        var process = Launch(environment, host, arguments);
        try
        {
            await process.Program.WaitForTextAsync("Application started.");
            return process;
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Does not wait until it is up.</summary>
    public static QuickStartProcess Launch(
        Dictionary<string, string>? environment = null, NetworkNamespace? host = null, params string[] arguments)
    {
        var port = Ports.Free(1)[0];
        string[] urls = arguments.Length > 0 ? arguments : ["--urls", string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}")];
        string[] run = [Path.Combine(AppContext.BaseDirectory, "QuickStart.dll"), .. urls];
        var program = host is null
            ? RunningProgram.Start("dotnet", run, environment)
            : RunningProgram.Start("ip", host.Wrap("dotnet", run), environment);
        return new QuickStartProcess(program, port);
    }

    public void Dispose() => Program.Dispose();
}
