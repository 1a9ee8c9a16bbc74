using System.Globalization;
using System.Text.RegularExpressions;
using Mptcp.Sockets.Tests.Connector;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>Runs the tests of the status again, in a process of its own, as on kernels that this machine doesn't have.</summary>
public sealed partial class ImitatedKernelTests
{
    private static readonly string[] s_classes =
    [
        typeof(StatusTests).FullName!, typeof(MixedClientsTests).FullName!, typeof(LateFallbackTests).FullName!, typeof(SubflowTests).FullName!,
        typeof(ConnectionMemoryTests).FullName!, typeof(ConnectTests).FullName!,
    ];

    [Theory]
    [InlineData(ImitatedKernel.NoTcpIsMptcp)]
    [InlineData(ImitatedKernel.NoTcpIsMptcp, ImitatedKernel.NoFullInfo)]
    [InlineData(ImitatedKernel.NoMptcpInfo)]
    [InlineData(ImitatedKernel.NoTcpIsMptcp, ImitatedKernel.NoMptcpInfo)]
    public async Task GetStatus_KernelThatKnowsLess_StillRight(params string[] imitations)
    {
        Requires.Namespaces();
        Requires.Programs("gcc", "nft", "ss");

        var result = await Command.RunAsync(
            "dotnet",
            [typeof(ImitatedKernelTests).Assembly.Location, "-noColor", .. s_classes.SelectMany(name => new[] { "-class", name })],
            await ImitatedKernel.GetEnvironmentAsync(imitations),
            TimeSpan.FromMinutes(5));

        Assert.True(result.ExitCode == 0, result.ToString());
        var summary = Summary().Match(result.Output);
        Assert.True(summary.Success, result.ToString());
        Assert.InRange(int.Parse(summary.Groups["total"].Value, CultureInfo.InvariantCulture), 70, int.MaxValue);
        Assert.Equal("0", summary.Groups["skipped"].Value);
    }

    [Fact]
    public async Task Refusals_KernelThatRefuses_UnknownOrTcpWithTheReason()
    {
        Requires.Mptcp();
        Requires.Programs("gcc");
        var result = await ImitatedKernel.RunRefusingAsync(typeof(RefusalTests).Assembly.Location, typeof(RefusalTests).FullName!);
        Assert.True(result.ExitCode == 0, result.ToString());
        var summary = Summary().Match(result.Output);
        Assert.InRange(int.Parse(summary.Groups["total"].Value, CultureInfo.InvariantCulture), 60, int.MaxValue);
        Assert.Equal("0", summary.Groups["skipped"].Value);
    }

    [GeneratedRegex(@"Total: (?<total>\d+), Errors: 0, Failed: 0, Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();
}
