using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>A file in the application's folder that has the name of the C library.</summary>
public sealed class ForeignLibraryTests
{
    [Fact]
    public async Task LoadLibrary_LibcInTheFolderOfTheApplication_IsNotLoaded()
    {
        Requires.Mptcp();
        Requires.Programs("gcc");
        var folder = Directory.CreateTempSubdirectory("mptcp-foreign-library").FullName;
        try
        {
            foreach (var file in Directory.GetFiles(AppContext.BaseDirectory))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            var source = Path.Combine(folder, "foreign.c");
            await File.WriteAllTextAsync(
                source, "#include <unistd.h>\n__attribute__((constructor)) static void loaded(void) { if (write(1, \"foreign library\\n\", 16)) { } }\nint socket(void) { return -1; }\n");
            foreach (var name in new[] { "libc.so", "libc" })
            {
                await Command.RunCheckedAsync("gcc", "-shared", "-fPIC", "-o", Path.Combine(folder, name), source);
            }

            // Of these tests only the library calls libc.
            var result = await Command.RunAsync(
                "dotnet", [Path.Combine(folder, Path.GetFileName(typeof(ForeignLibraryTests).Assembly.Location)), "-noColor", "-class", typeof(ConvertTests).FullName!]);

            Assert.True(result.ExitCode == 0, result.ToString());
            Assert.DoesNotContain("foreign library", result.Output);
            Assert.Contains("Errors: 0, Failed: 0, Skipped: 0", result.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
