using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Packs a clone of the repository, as a release does, and looks into the packages.</summary>
public sealed partial class PackageTests
{
    private const string Origin = "https://github.com/example/Mptcp.AspNetCore";
    private const string Version = "0.1.0-preview";
    private static readonly string[] s_names = ["Mptcp.AspNetCore", "Mptcp.Sockets"];

    [Fact]
    public async Task Pack_TwoClones_PackagesAreCompleteAndEqual()
    {
        Requires.Programs("git");
        var root = (await Command.RunCheckedAsync("git", "-C", AppContext.BaseDirectory, "rev-parse", "--show-toplevel")).Trim();
        var commit = (await Command.RunCheckedAsync("git", "-C", root, "rev-parse", "HEAD")).Trim();
        var folder = Directory.CreateTempSubdirectory("mptcp-pack").FullName;
        try
        {
            await PackAsync(root, $"{folder}/clone", $"{folder}/packages", ci: "true");
            Assert.Equal(
                s_names.SelectMany(name => new[] { $"{name}.{Version}.nupkg", $"{name}.{Version}.snupkg" }),
                Directory.GetFiles($"{folder}/packages").Select(Path.GetFileName).Order());
            foreach (var name in s_names)
            {
                AssertPackage($"{folder}/packages/{name}.{Version}", name, commit);
            }

            await BuildSnippetsAsync($"{folder}/clone", $"{folder}/packages", $"{folder}/user");

            await PackAsync(root, $"{folder}/in/another/folder/clone", $"{folder}/packages-again", ci: "false");
            foreach (var package in Directory.GetFiles($"{folder}/packages"))
            {
                AssertSameBytes(package, $"{folder}/packages-again/{Path.GetFileName(package)}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task PackAsync(string root, string clone, string output, string ci)
    {
        await Command.RunCheckedAsync("git", "clone", "-q", root, clone);
        await Command.RunCheckedAsync("git", "-C", clone, "checkout", "-q", "-B", $"on-ci-{ci}");
        await Command.RunCheckedAsync("git", "-C", clone, "remote", "set-url", "origin", Origin);
        foreach (var name in s_names)
        {
            await DotnetAsync(
                ["pack", $"{clone}/src/{name}", "-o", output, "-warnaserror", "-p:NuGetAudit=false", "-p:RestoreLockedMode=true", "--nologo"],
                new Dictionary<string, string> { ["CI"] = ci });
        }
    }

    private static void AssertPackage(string path, string name, string commit)
    {
        using var package = ZipFile.OpenRead($"{path}.nupkg");
        var entries = package.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains("icon.png", entries);
        Assert.Contains($"lib/net10.0/{name}.dll", entries);
        Assert.Contains($"lib/net10.0/{name}.xml", entries);

        using var stream = package.GetEntry($"{name}.nuspec")!.Open();
        var metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        var repository = metadata.Elements().Single(element => element.Name.LocalName == "repository");
        Assert.Equal(Origin, repository.Attribute("url")?.Value);
        Assert.Equal(commit, repository.Attribute("commit")?.Value);
        Assert.Equal("README.md", Value("readme"));
        Assert.Equal("icon.png", Value("icon"));
        Assert.Equal("MIT", Value("license"));
        Assert.Equal(Origin, Value("projectUrl"));
        Assert.Equal($"{Origin}/blob/{commit}/CHANGELOG.md", Value("releaseNotes"));

        // Only the shared framework, and each other.
        var dependencies = metadata.Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")?.Value);
        Assert.Equal(name == "Mptcp.AspNetCore" ? ["Mptcp.Sockets"] : [], dependencies);

        // Its own README, whose links work outside of the repository.
        var readme = ReadText(package.GetEntry("README.md")!);
        Assert.StartsWith($"# {name}\n", readme, StringComparison.Ordinal);
        Assert.Contains($"]({Origin}/blob/{commit}/docs/clients.md)", readme, StringComparison.Ordinal);
        Assert.All(Link().Matches(readme), link => Assert.StartsWith("https://", link.Groups[1].Value, StringComparison.Ordinal));

        using var symbols = ZipFile.OpenRead($"{path}.snupkg");
        Assert.Contains($"https://raw.githubusercontent.com/example/Mptcp.AspNetCore/{commit}/*", ReadSourceLink(symbols.GetEntry($"lib/net10.0/{name}.pdb")!));

        string Value(string element) => metadata.Elements().Single(child => child.Name.LocalName == element).Value;
    }

    /// <summary>Builds every snippet of the packages' READMEs in a project that has the packages and nothing else of the repository.</summary>
    private static async Task BuildSnippetsAsync(string clone, string packages, string project)
    {
        Directory.CreateDirectory(project);
        await File.WriteAllTextAsync($"{project}/User.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk.Web">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <OutputType>Library</OutputType>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <RestoreSources>{packages}</RestoreSources>
                <RestorePackagesPath>{project}/restored</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Mptcp.AspNetCore" Version="{Version}" />
              </ItemGroup>
            </Project>
            """);
        foreach (var name in s_names)
        {
            var blocks = Snippet().Matches(await File.ReadAllTextAsync($"{clone}/src/{name}/README.md")).Select(match => match.Groups[1].Value).ToArray();
            Assert.NotEmpty(blocks);
            var source = new StringBuilder();
            source.AppendJoin("", blocks.SelectMany(block => Using().Matches(block)).Select(line => line.Value).Distinct());
            source.Append("internal static class ").Append(name.Replace(".", "")).AppendLine("Readme\n{");
            for (var index = 0; index < blocks.Length; index++)
            {
                source.Append("static async Task Snippet").Append(index).AppendLine("(string[] args)\n{\nawait Task.Yield();").Append(Using().Replace(blocks[index], "")).AppendLine("}");
            }

            await File.WriteAllTextAsync($"{project}/{name}.cs", source.Append('}').ToString());
        }

        await DotnetAsync(["build", project, "-warnaserror", "-p:NuGetAudit=false", "--nologo"]);
    }

    private static void AssertSameBytes(string path, string other)
    {
        using var package = ZipFile.OpenRead(path);
        using var again = ZipFile.OpenRead(other);
        Assert.Equal(package.Entries.Select(entry => entry.FullName), again.Entries.Select(entry => entry.FullName));
        Assert.All(package.Entries, entry => Assert.Equal(entry.Crc32, again.GetEntry(entry.FullName)!.Crc32));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(other));
    }

    private static async Task DotnetAsync(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var result = await Command.RunAsync("dotnet", arguments, environment, TimeSpan.FromMinutes(5));
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private static string ReadText(ZipArchiveEntry entry)
    {
        using var reader = new StreamReader(entry.Open());
        return reader.ReadToEnd();
    }

    private static string ReadSourceLink(ZipArchiveEntry pdb)
    {
        using var stream = pdb.Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        copy.Position = 0;
        using var provider = MetadataReaderProvider.FromPortablePdbStream(copy);
        var reader = provider.GetMetadataReader();

        // The kind that the portable PDB format gives to source link.
        var kind = new Guid("CC110556-A091-4D38-9FEC-25AB9A351A6A");
        var information = reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation).Single(info => reader.GetGuid(info.Kind) == kind);
        return Encoding.UTF8.GetString(reader.GetBlobBytes(information.Value));
    }

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^```csharp\n(.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Snippet();

    [GeneratedRegex(@"^using [\w.]+;\n", RegexOptions.Multiline)]
    private static partial Regex Using();
}
