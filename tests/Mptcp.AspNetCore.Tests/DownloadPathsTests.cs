using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>What the sample Download shows of the paths. On links as MultipathTests has them, and like these alone.</summary>
[Collection(nameof(MultipathTests))]
public sealed partial class DownloadPathsTests
{
    private const long Count = 60_000_000;

    public DownloadPathsTests()
    {
        Requires.Namespaces();
        Requires.Programs("nft");
    }

    [Fact]
    public async Task Run_TwoLinks_ShowsBothAndIsFasterThanOne()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50));
        await using var server = await MultipathServer.StartAsync(network);
        using var folder = new DownloadFolder();
        var result = await DownloadFolder.FinishAsync(folder.StartOn(network.Client, UrlOf(server, network), "-o", "file"));

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(Blocks.HashOf(Count), folder.HashOf("file"));
        AssertSummary(result.Error, network, server, least: Count / 4);
        Assert.True(Number(Average(), result.Error) > 50, result.Error);

        // And while it went on: the total, and below it both paths, which make it up.
        // In one line at least: a pause of the program can fall between its two measures.
        var lines = result.Error.Split('\n');
        Assert.True(Enumerable.Range(0, lines.Length).Any(IsOfBoth), result.Error);

        bool IsOfBoth(int line)
        {
            if (!Total().IsMatch(lines[line]) || Number(Total(), lines[line]) is var total && total <= 50)
            {
                return false;
            }

            var rates = network.Links.Select(link => Number(Progress(link, server), $"{lines[line + 1]}\n{lines[line + 2]}")).ToArray();
            return rates.All(rate => rate is >= 5 and <= 60) && rates.Sum() / total is >= 0.8 and <= 1.25;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Run_LinkCut_GoesOnOverTheOther(int cut)
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50));
        await using var server = await MultipathServer.StartAsync(network);
        using var folder = new DownloadFolder();
        var program = folder.StartOn(network.Client, UrlOf(server, network), "-o", "file");
        await folder.UntilLengthAsync("file.part", Count / 3);
        await network.Links[cut].CutAsync(Cut.Silent);

        // A busy kernel may not notice that a path is dead, and brings little then.
        var result = await DownloadFolder.FinishAsync(program, TimeSpan.FromMinutes(10));

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(Blocks.HashOf(Count), folder.HashOf("file"));
        Assert.DoesNotContain("Going on after", result.Error);
        AssertSummary(result.Error, network, server, least: Count / 20);

        // At the end one carries all.
        var last = Progress(network.Links[1 - cut], server).Matches(result.Error)[^1];
        Assert.Equal("100", last.Groups["share"].Value);
    }

    /// <summary>
    /// A connection with one path only can fall back at any time. A client that only receives knows of it alone: the kernel of the server
    /// sends again what is not acknowledged to it, and that of the client takes it for new.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Run_FallsBackInTheMiddle_KeepsNoByteThatIsNotCertain(bool requireMptcp) => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 1, rate: Rate.Mbit(20));
        await using var server = await FileServer.StartAsync(network: network);
        server.Content = RandomNumberGenerator.GetBytes(10_000_000);
        using var folder = new DownloadFolder();
        var program = folder.StartOn(network.Client, requireMptcp ? [server.Url, "--require-mptcp"] : [server.Url]);
        await folder.UntilLengthAsync("file.bin.part", 3_000_000);
        await network.StripMptcpOptionsAsync();
        var result = await DownloadFolder.FinishAsync(program);
        if (result.Error.Contains("Nothing received for 60 s. ", StringComparison.Ordinal) || result.Error.Contains("Connection lost: ", StringComparison.Ordinal))
        {
            return result.Error;
        }

        if (requireMptcp)
        {
            Assert.Equal(101, result.ExitCode);
            Assert.Contains("download: (101) Multipath TCP is required, and the connection fell back to TCP: ", result.Error);
            Assert.Equal(["file.bin.part", "file.bin.part.info"], folder.Files);
            Assert.Single(server.Requests);
            result = await DownloadFolder.FinishAsync(folder.StartOn(network.Client, server.Url));
        }
        else
        {
            Assert.Contains("The connection fell back to TCP in the middle. Going on after ", result.Error);
        }

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Contains("status fell-back: ", result.Error);
        Assert.True(long.Parse(server.Requests.Last().Range!["bytes=".Length..^1], CultureInfo.InvariantCulture) >= 3_000_000);
        return null;
    });

    private static string UrlOf(Server server, MultipathNetwork network) => $"{MultipathServer.AddressOf(server, network)}download/{Count}";

    /// <summary>The bytes of each path, which are those of the file and what HTTP adds.</summary>
    private static void AssertSummary(string text, MultipathNetwork network, Server server, long least)
    {
        Assert.Contains("status active: the connection speaks Multipath TCP", text);
        var bytes = network.Links.Select(link => Number(new Regex($@"{PathOf(link, server)} +(?<number>[\d,]+) bytes +\d+ %"), text)).ToArray();
        Assert.All(bytes, count => Assert.True(count >= least, text));
        Assert.InRange(bytes.Sum(), Count, Count * 1.2);
    }

    /// <summary>The kernel opens all paths to the address that was connected to.</summary>
    private static string PathOf(NetworkLink link, Server server) => $@"  {link.ClientAddress} → 198\.18\.0\.1:{server.Address.Port}";

    private static Regex Progress(NetworkLink link, Server server) => new($@"{PathOf(link, server)} +(?<number>\d+\.\d) Mbit/s +(?<share>\d+) %  RTT \d+\.\d\d ms");

    private static double Number(Regex what, string text)
    {
        var match = what.Match(text);
        Assert.True(match.Success, $"No {what} in: {text}");
        return double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^\d+\.\d MB +(?<number>\d+\.\d) Mbit/s  active$")]
    private static partial Regex Total();

    [GeneratedRegex(@" in \d+\.\d s, +(?<number>\d+\.\d) Mbit/s on average\n")]
    private static partial Regex Average();
}
