using System.Globalization;
using System.Text.RegularExpressions;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>The sample PathLab: it shows both paths, and leaves no namespace behind however it ends.</summary>
[Collection(nameof(MultipathTests))]
public sealed class PathLabTests
{
    public PathLabTests() => Requires.Namespaces();

    [Theory]
    [InlineData("-INT", 130)]
    [InlineData("-TERM", 143)]
    [InlineData("-HUP", 129)]
    public async Task Run_Signal_EndsAndRemovesItsNamespaces(string signal, int exitCode)
    {
        using var program = PathLabProcess.Start();
        await program.WaitForTextAsync("link 2 ");
        Assert.Equal(2, PathLabProcess.NamespacesOf(program.Id).Length);

        await Command.RunCheckedAsync("kill", signal, $"{program.Id}");

        Assert.Equal(exitCode, await program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Empty(PathLabProcess.NamespacesOf(program.Id));
        Assert.Equal("", program.Error);
    }

    [Fact]
    public async Task Run_SignalWhileTheNetworkIsBuilt_RemovesItsNamespaces()
    {
        using var program = PathLabProcess.Start();
        var pid = program.Id;
        await Wait.UntilAsync(() => PathLabProcess.NamespacesOf(pid).Length > 0);

        await program.TerminateAsync();

        Assert.Equal(143, await program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Empty(PathLabProcess.NamespacesOf(pid));
        Assert.Equal("", program.Error);
    }

    [Fact]
    public async Task Run_BothLinksCut_StillEndsOnASignal()
    {
        using var program = PathLabProcess.Start("--cut", "1@1", "--cut", "2@1", "--cut", "2@1.1");
        await program.WaitForTextAsync("link 1 CUT, link 2 CUT");

        await program.InterruptAsync();

        Assert.Equal(130, await program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Empty(PathLabProcess.NamespacesOf(program.Id));
        Assert.Equal("", program.Error);
    }

    [Fact]
    public async Task Run_OnATerminal_KeysCutAndCtrlCEnds()
    {
        Requires.Programs("script");
        using var terminal = await PathLabTerminal.StartAsync();
        await terminal.Program.WaitForTextAsync("link 2 ");
        Assert.Equal(2, PathLabProcess.NamespacesOf(terminal.ProcessId).Length);

        terminal.Type("1");
        await terminal.Program.WaitForTextAsync("link 1 CUT");
        terminal.Type("\x03");

        Assert.Equal(130, await terminal.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Empty(PathLabProcess.NamespacesOf(terminal.ProcessId));
        AssertFits(terminal.Program.Output);
        Assert.Contains("\e[", terminal.Program.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_TerminalClosed_RemovesItsNamespaces()
    {
        Requires.Programs("script");
        using var terminal = await PathLabTerminal.StartAsync();
        await terminal.Program.WaitForTextAsync("link 2 ");
        Assert.Equal(2, PathLabProcess.NamespacesOf(terminal.ProcessId).Length);

        await Command.RunCheckedAsync("kill", "-KILL", $"{terminal.Program.Id}");

        await Wait.UntilAsync(() => PathLabProcess.NamespacesOf(terminal.ProcessId).Length == 0);
        await Wait.UntilAsync(() => !Directory.Exists($"/proc/{terminal.ProcessId}"));
    }

    [Fact]
    public async Task Run_Script_ShowsBothLinksAndComparesHashes()
    {
        using var program = PathLabProcess.Start("--seconds", "7.5", "--restore", "2@5", "--cut", "2@2");

        Assert.Equal(0, await program.WaitForExitAsync(TimeSpan.FromMinutes(2)));

        Assert.Contains("link 1 up, link 2 CUT", program.Output);
        Assert.Contains("link 1 up, link 2 up", program.Output);
        Assert.Matches(@"(?m)^ *link 1 +198\.18\.0\.2:\d+ +\d+\.\d ms +\d+\.\d +\d+ % +\d+", program.Output);
        Assert.Matches(@"(?m)^ *link 2 +198\.18\.1\.2:\d+ +\d+\.\d ms +\d+\.\d +\d+ % +\d+", program.Output);
        Assert.Matches(@"(?m)^link 2 198\.18\.1\.2:\d+ .* looks dead *$", program.Output);
        Assert.Contains(" bytes received, SHA-256 matches:", program.Output);
        Assert.DoesNotContain('\e', program.Output);
        AssertFits(program.Output);
        Assert.Equal("", program.Error);
        Assert.Empty(PathLabProcess.NamespacesOf(program.Id));
    }

    [Fact]
    public async Task Run_Help_PrintsOptions()
    {
        using var program = PathLabProcess.Start("--help");
        Assert.Equal(0, await program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal("", program.Error);
        foreach (var option in new[] { "--seconds", "--cut <LINK@SECOND>", "--restore <LINK@SECOND>" })
        {
            Assert.Contains(option, program.Output);
        }
    }

    [Theory]
    [InlineData("--nonsense", "--nonsense")]
    [InlineData("--seconds", "--seconds")]
    [InlineData("--seconds -1", "--seconds")]
    [InlineData("--seconds soon", "soon")]
    [InlineData("--seconds 1e300", "--seconds")]
    [InlineData("--cut 3@1", "3@1")]
    [InlineData("--cut 1", "LINK@SECOND")]
    [InlineData("--restore 1@-1", "LINK@SECOND")]
    public async Task Run_WrongUsage_SaysSoInOneLine(string arguments, string says)
    {
        using var program = PathLabProcess.Start(arguments.Split(' '));
        Assert.Equal(2, await program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Matches(@"^PathLab: [^\n]*; try --help\n$", program.Error);
        Assert.Contains(says, program.Error);
        Assert.Equal("", program.Output);
    }

    private static void AssertFits(string output)
    {
        var lines = Regex.Replace(output, @"\e\[[0-9;?]*[a-zA-Z]", "").Split('\n', '\r').Where(line => !line.Contains("SHA-256", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.True(line.Length <= 80, string.Create(CultureInfo.InvariantCulture, $"{line.Length} columns: {line}")));
    }
}
