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

    public static TheoryData<Cut, int, bool> Cases { get; } = new(
        from cut in Enum.GetValues<Cut>()
        from link in new[] { 0, 1 }
        from delayed in new[] { false, true }
        select (cut, link, delayed));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Transfer_LinkCutAndRestored_GoesOnAndUsesTheLinkAgain(Cut cut, int index, bool delayed)
    {
        await using var net = await MultipathNetwork.CreateAsync(
            links: 2, rate: Rate.Mbit(50), delay: TimeSpan.FromMilliseconds(delayed ? 5 : 0));
        using var transfer = Transfer.Start(net);
        var link = net.Links[index];
        await WaitForUseAsync(net, net.Links[0]);
        await WaitForUseAsync(net, net.Links[1]);

        transfer.ForgetStalls();
        await link.CutAsync(cut);
        Assert.Equal(cut, link.State);
        await transfer.WaitForBytesAsync(2_000_000);
        var used = Hosts.GetReceivedBytes(net.Client, link.DeviceName);
        await transfer.WaitForBytesAsync(500_000);
        var usedDuringCut = Hosts.GetReceivedBytes(net.Client, link.DeviceName) - used;
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
            $"{cut}, link {index}{(delayed ? ", delayed" : "")}: stall {stallDuringCut.TotalMilliseconds:0} ms, after restore {transfer.LongestStall.TotalMilliseconds:0} ms, came by the link when cut: {usedDuringCut}");
        await transfer.FinishAsync();

        // Where packets get as far as the device they are retransmissions, a few.
        Assert.InRange(usedDuringCut, 0, 100_000);
    }

    private static async Task WaitForUseAsync(MultipathNetwork net, NetworkLink link)
    {
        var before = Hosts.GetReceivedBytes(net.Client, link.DeviceName);
        await Wait.UntilAsync(
            () => Hosts.GetReceivedBytes(net.Client, link.DeviceName) > before + 300_000, () => $"nothing comes by link {link.Index}");
    }
}
