using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>Alone, because limits are those of the process.</summary>
[CollectionDefinition(nameof(DescriptorLimitTests), DisableParallelization = true)]
[Collection(nameof(DescriptorLimitTests))]
public sealed class DescriptorLimitTests
{
    [Theory]
    [InlineData(4095, true)]
    [InlineData(4096, false)]
    public async Task Examine_DescriptorLimit_WarnsBelow4096(int limit, bool warns)
    {
        Requires.Programs("prlimit");
        var before = (await MptcpHost.ExamineAsync()).Facts;
        Requires.That(before.DescriptorHardLimit >= 4096, "The hard limit of descriptors is below what is to be tried.");
        await Command.RunCheckedAsync("prlimit", "--pid", $"{Environment.ProcessId}", $"--nofile={limit}:");
        try
        {
            var report = await MptcpHost.ExamineAsync();
            Assert.Equal(limit, report.Facts.DescriptorLimit);
            Assert.Equal(before.DescriptorHardLimit, report.Facts.DescriptorHardLimit);
            if (warns)
            {
                Assert.Contains($"{limit} descriptors", report.AssertFound("low-descriptor-limit", MptcpFindingSeverity.Warning).Seen);
            }
            else
            {
                report.AssertNotFound("low-descriptor-limit");
            }
        }
        finally
        {
            await Command.RunCheckedAsync("prlimit", "--pid", $"{Environment.ProcessId}", $"--nofile={before.DescriptorLimit}:");
        }
    }
}
