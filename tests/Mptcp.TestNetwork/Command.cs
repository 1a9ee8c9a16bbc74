using System.Diagnostics;
using System.Text;

namespace Mptcp.TestNetwork;

/// <summary>A program that has ended.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Both streams, for messages.</summary>
    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Error}";
}

/// <summary>Runs programs as processes.</summary>
public static class Command
{
    /// <summary>Runs to the end.</summary>
    public static async Task<CommandResult> RunAsync(
        string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, TimeSpan? timeout = null)
    {
        using var program = RunningProgram.Start(file, arguments, environment);
        var exitCode = await program.WaitForExitAsync(timeout ?? TimeSpan.FromMinutes(2));
        return new CommandResult(exitCode, program.Output, program.Error);
    }

    /// <summary>Runs to the end and throws when the program fails.</summary>
    public static async Task<string> RunCheckedAsync(string file, params string[] arguments)
    {
        var result = await RunAsync(file, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)}: {result}");
    }

    /// <summary>Runs to the end on the lines given as standard input, and throws when the program fails.</summary>
    public static async Task RunCheckedAsync(string file, IEnumerable<string> arguments, IReadOnlyList<string> input)
    {
        using var program = RunningProgram.Start(file, arguments, input: input);
        var exitCode = await program.WaitForExitAsync(TimeSpan.FromMinutes(2));
        if (exitCode != 0)
        {
            var result = new CommandResult(exitCode, program.Output, program.Error);
            throw new InvalidOperationException($"{file} {string.Join(' ', arguments)}: {result}\n{string.Join('\n', input)}");
        }
    }

    /// <summary>Whether the program is on the PATH.</summary>
    public static bool Exists(string file) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin")
        .Any(folder => File.Exists(Path.Combine(folder, file)));
}

/// <summary>A program that runs; killed with its children when disposed.</summary>
public sealed class RunningProgram : IDisposable
{
    // From the signal to the end, also on a busy machine.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private bool _isDisposed;

    private RunningProgram(Process process) => _process = process;

    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    public bool HasExited => _process.HasExited;

    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">What it sees in its environment besides this process's own.</param>
    /// <param name="input">The lines of its standard input; null to inherit this process's.</param>
    public static RunningProgram Start(
        string file,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        IEnumerable<string>? input = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = input is not null,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start };
        var program = new RunningProgram(process);
        process.OutputDataReceived += (_, e) => Append(program._output, e.Data);
        process.ErrorDataReceived += (_, e) => Append(program._error, e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (input is not null)
        {
            process.StandardInput.Write(string.Concat(input.Select(line => line + "\n")));
            process.StandardInput.Close();
        }

        return program;

        static void Append(StringBuilder builder, string? line)
        {
            if (line is not null)
            {
                lock (builder)
                {
                    builder.Append(line).Append('\n');
                }
            }
        }
    }

    public async Task<int> WaitForExitAsync(TimeSpan timeout)
    {
        using var cancellation = new CancellationTokenSource(timeout);
        try
        {
            await _process.WaitForExitAsync(cancellation.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{_process.StartInfo.FileName} still ran after {timeout}.\n{Output}\n{Error}");
        }

        return _process.ExitCode;
    }

    /// <summary>Waits until one of the two streams contains the text.</summary>
    public async Task WaitForTextAsync(string text, TimeSpan? timeout = null)
    {
        var clock = Stopwatch.StartNew();
        while (!Output.Contains(text, StringComparison.Ordinal) && !Error.Contains(text, StringComparison.Ordinal))
        {
            if (_process.HasExited || clock.Elapsed > (timeout ?? TimeSpan.FromMinutes(1)))
            {
                throw new TimeoutException($"No \"{text}\" from {_process.StartInfo.FileName}:\n{Output}\n{Error}");
            }

            await Task.Delay(10);
        }
    }

    /// <summary>Sends SIGINT, as Ctrl-C does.</summary>
    public Task InterruptAsync() => Command.RunCheckedAsync("kill", "-INT", $"{_process.Id}");

    /// <summary>Sends SIGTERM, as a supervisor does.</summary>
    public Task TerminateAsync() => Command.RunCheckedAsync("kill", "-TERM", $"{_process.Id}");

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            if (!_process.WaitForExit(s_patience))
            {
                // In the kernel then, which may hold it as long as its network is there: that is removed after this.
                throw new TimeoutException($"{_process.StartInfo.FileName} is still there {s_patience} after it was killed.");
            }
        }

        _process.Dispose();
    }
}
