using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.TestNetwork.Tests;

/// <summary>Links with delay and loss, as a program on a host sees them.</summary>
public sealed class EmulatorTests
{
    public EmulatorTests() => Requires.Namespaces();

    [Fact]
    public async Task RoundTrip_Delay_TwiceTheDelay()
    {
        await using var net = await MultipathNetwork.CreateAsync(links: 1, delay: TimeSpan.FromMilliseconds(20));
        using var server = net.Server.Run(Open);
        using var client = net.Client.Run(Open);
        server.Bind(new IPEndPoint(net.ServerAddress, 0));
        client.Connect(server.LocalEndPoint!);

        var shortest = Enumerable.Range(0, 20).Min(_ =>
        {
            var buffer = new byte[1];
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            var clock = Stopwatch.StartNew();
            client.Send(buffer);
            server.ReceiveFrom(buffer, ref from);
            server.SendTo(buffer, from);
            client.Receive(buffer);
            return clock.Elapsed;
        });

        // A busy machine delays some, and rarely all.
        TestContext.Current.TestOutputHelper!.WriteLine($"{shortest.TotalMilliseconds:0.00} ms");
        Assert.InRange(shortest.TotalMilliseconds, 40, 60);
    }

    [Fact]
    public async Task Datagrams_Loss_ThatShareLost()
    {
        await using var net = await MultipathNetwork.CreateAsync(links: 1, loss: 0.1);
        using var server = net.Server.Run(Open);
        using var client = net.Client.Run(Open);
        server.Bind(new IPEndPoint(net.ServerAddress, 0));
        client.Connect(server.LocalEndPoint!);

        const int Batches = 60;
        const int BatchSize = 100;
        var received = 0;
        for (var batch = 0; batch < Batches; batch++)
        {
            for (var i = 0; i < BatchSize; i++)
            {
                client.Send([0]);
            }

            received += CountUntilMarker(client, server, (byte)(batch + 1));
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{received} of {Batches * BatchSize}");
        Assert.InRange(received, Batches * BatchSize * 0.85, Batches * BatchSize * 0.95);
    }

    [Fact]
    public async Task Transfer_LossyDelayedLinks_BytesIntact()
    {
        await using var net = await MultipathNetwork.CreateAsync(
        [
            new LinkSettings { Rate = Rate.Mbit(50), Delay = TimeSpan.FromMilliseconds(10) },
            new LinkSettings { Rate = Rate.Mbit(20), Delay = TimeSpan.FromMilliseconds(30), Loss = 0.01 },
        ]);
        using var transfer = Transfer.Start(net);
        await transfer.WaitForBytesAsync(5_000_000);
        await transfer.FinishAsync();
        Assert.True(net.Links[1].CountBytes().Received > 100_000);
    }

    [Fact]
    public async Task Transfer_FastEmulatedLink_KeepsUpWithThePlainOne()
    {
        await using var net = await MultipathNetwork.CreateAsync(
        [
            new LinkSettings { Rate = Rate.Mbit(100) },
            new LinkSettings { Rate = Rate.Mbit(100), Delay = TimeSpan.FromMilliseconds(1) },
        ], PathOpening.None);
        var plain = await MeasureAsync(net, net.Links[0].ServerAddress);
        var emulated = await MeasureAsync(net, net.Links[1].ServerAddress);
        TestContext.Current.TestOutputHelper!.WriteLine($"{plain:0.0} Mbit/s plain, {emulated:0.0} emulated");
        Assert.True(emulated > 0.6 * plain, $"{plain:0.0} Mbit/s plain, {emulated:0.0} emulated");
    }

    /// <summary>The median of eleven stretches: a pause of this process, of which the emulated link is a part, spoils some.</summary>
    private static async Task<double> MeasureAsync(MultipathNetwork net, IPAddress to)
    {
        using var transfer = Transfer.Start(net, to: to);
        await transfer.WaitForBytesAsync(1_000_000);
        var rates = new double[11];
        for (var i = 0; i < rates.Length; i++)
        {
            var before = transfer.Received;
            var clock = Stopwatch.StartNew();
            await transfer.WaitForBytesAsync(1_000_000);
            rates[i] = (transfer.Received - before) * 8 / clock.Elapsed.TotalSeconds / 1e6;
        }

        await transfer.FinishAsync();
        return rates.Order().ElementAt(rates.Length / 2);
    }

    private static Socket Open() => new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 };

    /// <summary>The link keeps the order: once a marker has come, nothing of the batch is still on the way.</summary>
    private static int CountUntilMarker(Socket client, Socket server, byte marker)
    {
        var buffer = new byte[1];
        for (var count = 0; ;)
        {
            client.Send([marker]);
            while (server.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead))
            {
                server.Receive(buffer);
                if (buffer[0] == marker)
                {
                    return count;
                }

                // A marker of an earlier batch may have come twice.
                count += buffer[0] == 0 ? 1 : 0;
            }
        }
    }
}
