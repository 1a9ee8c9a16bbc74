using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>Something on the way that removes the MPTCP options.</summary>
public sealed class LateFallbackTests
{
    public LateFallbackTests()
    {
        Requires.Namespaces();
        Requires.Programs("nft");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task GetStatus_OptionsRemovedAfterTheHandshake_FellBackOnBothEnds(bool afterData) => LateFallback.UntilItHappensAsync(async () =>
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        using var connection = Connection.Establish(hosts);
        Rungs.AssertAll(MptcpStatus.Active, connection.Accepted);
        if (afterData)
        {
            connection.AssertEchoes(1000);
            Rungs.AssertAll(MptcpStatus.Active, connection.Accepted);
        }

        if (await connection.FallBackAsync(hosts) is { } ended)
        {
            return ended;
        }

        Rungs.AssertAll(MptcpStatus.FellBack, connection.Accepted);
        Rungs.AssertAll(MptcpStatus.FellBack, connection.Client);
        return null;
    });

    [Fact]
    public async Task GetStatus_OptionsRemovedFromTheStart_FellBackAndNotNegotiated()
    {
        await using var hosts = await MultipathNetwork.CreateAsync(links: 1);
        await hosts.StripMptcpOptionsAsync();
        using var connection = Connection.Establish(hosts);

        Rungs.AssertAll(MptcpStatus.NotNegotiated, connection.Accepted);
        Rungs.AssertAll(MptcpStatus.FellBack, connection.Client);
        connection.AssertEchoes();
    }
}
