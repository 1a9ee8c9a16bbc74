using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Xml.Linq;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Packs a clone of the repository, as a release does, and looks into the packages.</summary>
public sealed class PackageTests
{
    private const string Origin = "https://github.com/example/Mptcp.AspNetCore";

    [Fact]
    public async Task Pack_Clone_BothPackagesAreComplete()
    {
        Requires.Programs("git");
        var root = (await Command.RunCheckedAsync("git", "-C", AppContext.BaseDirectory, "rev-parse", "--show-toplevel")).Trim();
        var folder = Directory.CreateTempSubdirectory("mptcp-pack").FullName;
        try
        {
            var clone = $"{folder}/clone";
            await Command.RunCheckedAsync("git", "clone", "-q", root, clone);
            await Command.RunCheckedAsync("git", "-C", clone, "remote", "set-url", "origin", Origin);
            var commit = (await Command.RunCheckedAsync("git", "-C", clone, "rev-parse", "HEAD")).Trim();
            var pack = await Command.RunAsync(
                "dotnet", ["pack", $"{clone}/Mptcp.AspNetCore.sln", "-o", $"{folder}/packages", "-warnaserror", "-p:NuGetAudit=false", "--nologo"], timeout: TimeSpan.FromMinutes(5));
            Assert.True(pack.ExitCode == 0, pack.ToString());

            var files = Directory.GetFiles($"{folder}/packages").Select(Path.GetFileName).Order();
            Assert.Equal(
                [
                    "Mptcp.AspNetCore.0.1.0.nupkg", "Mptcp.AspNetCore.0.1.0.snupkg",
                    "Mptcp.Sockets.0.1.0.nupkg", "Mptcp.Sockets.0.1.0.snupkg",
                ],
                files);
            foreach (var name in new[] { "Mptcp.Sockets", "Mptcp.AspNetCore" })
            {
                AssertPackage($"{folder}/packages/{name}.0.1.0", name, commit);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void AssertPackage(string path, string name, string commit)
    {
        using var package = ZipFile.OpenRead($"{path}.nupkg");
        var entries = package.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains("README.md", entries);
        Assert.Contains($"lib/net10.0/{name}.dll", entries);
        Assert.Contains($"lib/net10.0/{name}.xml", entries);

        using var stream = package.GetEntry($"{name}.nuspec")!.Open();
        var metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        var repository = metadata.Elements().Single(element => element.Name.LocalName == "repository");
        Assert.Equal(Origin, repository.Attribute("url")?.Value);
        Assert.Equal(commit, repository.Attribute("commit")?.Value);
        Assert.Equal("README.md", metadata.Elements().Single(element => element.Name.LocalName == "readme").Value);
        Assert.Equal("MIT", metadata.Elements().Single(element => element.Name.LocalName == "license").Value);

        // Only the shared framework, and each other.
        var dependencies = metadata.Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")?.Value);
        Assert.Equal(name == "Mptcp.AspNetCore" ? ["Mptcp.Sockets"] : [], dependencies);

        using var symbols = ZipFile.OpenRead($"{path}.snupkg");
        Assert.Contains($"https://raw.githubusercontent.com/example/Mptcp.AspNetCore/{commit}/*", ReadSourceLink(symbols.GetEntry($"lib/net10.0/{name}.pdb")!));
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
}
