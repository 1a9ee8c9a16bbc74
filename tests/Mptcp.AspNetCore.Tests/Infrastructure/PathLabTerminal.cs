using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>The sample PathLab on a terminal of 80 columns, with a keyboard. Needs util-linux.</summary>
internal sealed partial class PathLabTerminal : IDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly FileStream _keyboard;

    private PathLabTerminal(DirectoryInfo folder, RunningProgram program, FileStream keyboard, int processId)
    {
        _folder = folder;
        Program = program;
        _keyboard = keyboard;
        ProcessId = processId;
    }

    /// <summary>The terminal. Its output is the text on the screen, with escape sequences.</summary>
    public RunningProgram Program { get; }

    /// <summary>The process of PathLab.</summary>
    public int ProcessId { get; }

    public static async Task<PathLabTerminal> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("mptcp-pathlab-");
        var keyboard = Path.Combine(folder.FullName, "keyboard");
        await Command.RunCheckedAsync("mkfifo", keyboard);
        var shell = $"stty cols 80 rows 24; echo pid $$ is PathLab; TERM=xterm exec dotnet {PathLabProcess.Assembly}";
        var program = RunningProgram.Start("sh", ["-c", $"exec script -qec '{shell}' /dev/null < {keyboard}"]);

        // Returns when the other end is open.
        var keys = await Task.Run(() => new FileStream(keyboard, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
        await program.WaitForTextAsync(" is PathLab");
        var processId = int.Parse(ProcessIdLine().Match(program.Output).Groups[1].Value, CultureInfo.InvariantCulture);
        return new PathLabTerminal(folder, program, keys, processId);
    }

    public void Type(string keys) => _keyboard.Write(Encoding.ASCII.GetBytes(keys));

    public void Dispose()
    {
        Program.Dispose();
        _keyboard.Dispose();
        _folder.Delete(recursive: true);
    }

    [GeneratedRegex(@"pid (\d+) is PathLab")]
    private static partial Regex ProcessIdLine();
}
