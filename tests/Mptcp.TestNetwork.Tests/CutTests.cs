using Mptcp.Tests;

namespace Mptcp.TestNetwork.Tests;

/// <summary>A link breaks in the middle of a transfer, and is mended.</summary>
public sealed class CutTests
{
    public CutTests()
    {
        Requires.Namespaces();
        Requires.Programs("nft", "tc");
    }

    [Theory]
    [InlineData(Cut.LinkDown, 0, false, false)]
    [InlineData(Cut.LinkDown, 1, true, false)]
    [InlineData(Cut.LinkDown, 0, true, true)]
    [InlineData(Cut.LinkDown, 1, false, true)]
    [InlineData(Cut.Silent, 0, false, false)]
    [InlineData(Cut.Silent, 1, true, false)]
    [InlineData(Cut.Silent, 0, true, true)]
    [InlineData(Cut.Silent, 1, false, true)]
    [InlineData(Cut.Reset, 0, false, false)]
    [InlineData(Cut.Reset, 1, true, false)]
    [InlineData(Cut.Reset, 0, true, true)]
    [InlineData(Cut.Reset, 1, false, true)]
    [InlineData(Cut.AddressRemoved, 0, false, false)]
    [InlineData(Cut.AddressRemoved, 1, true, false)]
    [InlineData(Cut.AddressRemoved, 0, true, true)]
    [InlineData(Cut.AddressRemoved, 1, false, true)]
    public async Task Transfer_LinkCutAndRestored_GoesOnAndUsesTheLinkAgain(Cut cut, int index, bool delayed, bool ipv6)
    {
        await using var net = await MultipathNetwork.CreateAsync(
            links: 2, rate: Rate.Mbit(50), delay: TimeSpan.FromMilliseconds(delayed ? 5 : 0));
        using var transfer = Transfer.Start(net, to: ipv6 ? net.Links[0].ServerAddressV6 : net.ServerAddress);
        var link = net.Links[index];
        await WaitForUseAsync(net, net.Links[0]);
        await WaitForUseAsync(net, net.Links[1]);

        transfer.ForgetStalls();
        await link.CutAsync(cut);
        Assert.Equal(cut, link.State);
        await transfer.WaitForBytesAsync(1_500_000);
        var used = link.CountBytes().Received;
        await transfer.WaitForBytesAsync(500_000);
        var usedDuringCut = link.CountBytes().Received - used;
        var stallDuringCut = transfer.LongestStall;

        transfer.ForgetStalls();
        await link.RestoreAsync();
        Assert.Null(link.State);
        if (cut == Cut.Reset)
        {
            // The kernel opens no path twice by itself.
            await link.RenewEndpointsAsync();
        }

        await WaitForUseAsync(net, link);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"stall of {stallDuringCut.TotalMilliseconds:0} ms, after the restore {transfer.LongestStall.TotalMilliseconds:0} ms; {usedDuringCut} bytes came by the cut link");
        await transfer.FinishAsync();

        // Those that are dropped behind the device are a few retransmissions.
        Assert.InRange(usedDuringCut, 0, 100_000);
    }

    [Fact]
    public async Task Transfer_OptionsStrippedOnOneLink_GoesOnOverTheOther()
    {
        await using var net = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50));
        using var transfer = Transfer.Start(net);
        await WaitForUseAsync(net, net.Links[1]);

        await net.Links[1].StripMptcpOptionsAsync();
        await Wait.UntilAsync(
            async () => (await Hosts.GetSubflowsAsync(net.Client)).Count == 1, () => "the second subflow lives without its options");
        await transfer.WaitForBytesAsync(1_000_000);
        await transfer.FinishAsync();
    }

    private static async Task WaitForUseAsync(MultipathNetwork net, NetworkLink link)
    {
        var before = link.CountBytes().Received;
        await Wait.UntilAsync(
            () => link.CountBytes().Received > before + 300_000, () => $"nothing comes by link {link.Index}");
    }
}
