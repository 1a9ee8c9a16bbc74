using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class AotTests
{
    /// <summary>Warnings of the trimmer and of the compiler are errors, as everywhere here.</summary>
    [Fact]
    public async Task Publish_NativeAot_ServerAndClientsWorkWithoutWarning()
    {
        Requires.Mptcp();
        Requires.Programs("git", "clang");
        var root = (await Command.RunCheckedAsync("git", "-C", AppContext.BaseDirectory, "rev-parse", "--show-toplevel")).Trim();
        var output = Directory.CreateTempSubdirectory("mptcp-aot").FullName;
        try
        {
            var publish = await Command.RunAsync(
                "dotnet", ["publish", $"{root}/tests/Mptcp.AotApp", "-c", "Release", "-o", output, "--no-restore", "--nologo", "-warnaserror"], timeout: TimeSpan.FromMinutes(10));
            Assert.True(publish.ExitCode == 0, publish.ToString());
            Assert.DoesNotContain("warning", publish.Output, StringComparison.Ordinal);
            Assert.False(File.Exists($"{output}/Mptcp.AotApp.dll"), "The program was not compiled to native code.");

            var run = await Command.RunAsync($"{output}/Mptcp.AotApp", [], timeout: TimeSpan.FromMinutes(1));
            Assert.True(run.ExitCode == 0, run.ToString());
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }
}
