using System.Globalization;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.TestNetwork.Tests;

/// <summary>Nothing remains on the machine.</summary>
public sealed class CleanupTests
{
    public CleanupTests()
    {
        Requires.Namespaces();
        Requires.Programs("tc", "nsenter");
    }

    [Fact]
    public async Task Dispose_OpenSocketsAndRules_NothingRemains()
    {
        var net = await MultipathNetwork.CreateAsync(
            [new LinkSettings { Rate = Rate.Mbit(50) }, new LinkSettings { Delay = TimeSpan.FromMilliseconds(1) }]);
        await net.Links[1].CutAsync(Cut.LinkDown);

        // Both keep the namespace alive when its name is gone.
        using var socket = net.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        using var client = File.OpenHandle($"/run/netns/{net.Client.Name}");
        Assert.Contains("link0", await ListDevicesAsync(client.DangerousGetHandle()));
        Assert.Contains("link1", await ListDevicesAsync(client.DangerousGetHandle()));
        Assert.Equal(1, CountEmulators());

        await net.DisposeAsync();

        var remaining = await ListDevicesAsync(client.DangerousGetHandle());
        Assert.Contains("lo:", remaining);
        Assert.DoesNotContain("link0", remaining);
        Assert.DoesNotContain("link1", remaining);
        Assert.Equal(0, CountEmulators());
        Assert.Empty(NamespacesOf(Environment.ProcessId));
    }

    [Fact]
    public async Task Create_Fails_NothingRemains()
    {
        await Assert.ThrowsAnyAsync<Exception>(() => MultipathNetwork.CreateAsync(congestionControl: "no-such-thing"));
        Assert.Empty(NamespacesOf(Environment.ProcessId));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(MultipathNetwork.MaximumLinks + 1)]
    public async Task Create_TooFewOrTooManyLinks_Refused(int links)
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => MultipathNetwork.CreateAsync(links));
        Assert.Empty(NamespacesOf(Environment.ProcessId));
    }

    [Fact]
    public async Task Create_OwnerKilled_ItsLeftoversRemoved()
    {
        // This assembly again, in a test that has a network with an emulated link.
        using var victim = RunningProgram.Start(
            "dotnet", [typeof(TopologyTests).Assembly.Location, "-noLogo", "-method", $"{typeof(EmulatorTests).FullName}.{nameof(EmulatorTests.Transfer_LossyDelayedLinks_BytesIntact)}"]);
        var pid = victim.Id;
        string[] names = [];
        await Wait.UntilAsync(
            async () => (names = NamespacesOf(pid)).Length == 2
                && (await Command.RunAsync("ip", ["-n", names.Max()!, "mptcp", "endpoint"])).Output.Contains("link1", StringComparison.Ordinal),
            () => $"no network from the other process: {victim.Output}{victim.Error}");

        // It must not come to its end before it is killed.
        await Command.RunCheckedAsync("kill", "-STOP", $"{pid}");
        Assert.Equal(names, NamespacesOf(pid));

        // Somebody else's network is left alone while its owner lives.
        await (await NetworkNamespace.CreateAsync()).DisposeAsync();
        Assert.Equal(names, NamespacesOf(pid));
        using var program = RunningProgram.Start("ip", ["netns", "exec", names[0], "sleep", "1000"]);
        await Wait.UntilAsync(
            async () => (await Command.RunCheckedAsync("ip", "netns", "pids", names[0])).Length > 0, () => "sleep does not start");

        victim.Dispose();
        Assert.Equal(names, NamespacesOf(pid));
        await (await NetworkNamespace.CreateAsync()).DisposeAsync();
        Assert.Empty(NamespacesOf(pid));
        await program.WaitForExitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Create_PidOfTheOwnerUsedAgain_ItsLeftoversRemoved()
    {
        // The name of a namespace of ours, but for the time that the process began.
        await using var ours = await NetworkNamespace.CreateAsync();
        var parts = ours.Name.Split('-');
        parts[2] = "1";
        var leftover = string.Join('-', parts);
        await Command.RunCheckedAsync("ip", "netns", "add", leftover);

        await (await NetworkNamespace.CreateAsync()).DisposeAsync();

        Assert.Equal([ours.Name], NamespacesOf(Environment.ProcessId));
    }

    private static string[] NamespacesOf(int pid) =>
        [.. new DirectoryInfo("/run/netns").GetFiles(string.Create(CultureInfo.InvariantCulture, $"*-{pid}-*")).Select(file => file.Name).Order()];

    private static int CountEmulators() => Directory.GetDirectories("/proc/self/task").Count(task =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).Trim() == "link-emulator";
        }
        catch (IOException)
        {
            // A thread that has ended since.
            return false;
        }
    });

    private static Task<string> ListDevicesAsync(nint networkNamespace) => Command.RunCheckedAsync(
        "nsenter", $"--net=/proc/{Environment.ProcessId}/fd/{networkNamespace}", "ip", "-o", "link");
}
