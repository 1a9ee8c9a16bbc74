using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mptcp.Sockets.Interop;
using Mptcp.Sockets.Paths;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Messages of this kernel, broken in a hundred thousand ways.</summary>
public sealed class PathEventFuzzTests
{
    private const int Mutants = 100_000;

    [Fact]
    public async Task Parse_MutatedMessagesOfTheKernel_NeverThrowsAndNeverMakesUpAnEvent()
    {
        Requires.Namespaces();
        var (family, corpus) = await CaptureAsync();
        Assert.True(corpus.Select(message => message[16]).Distinct().Count() >= 8, "Too few kinds of messages to begin with.");

        var random = new Random(8684);
        var events = new Queue<MptcpPathEvent>();
        var (malformed, parsed) = (0, 0);
        for (var i = 0; i < Mutants; i++)
        {
            var datagram = Mutate(random, corpus);
            try
            {
                malformed += PathEventParser.Parse(datagram, family, events);
            }
            catch (Exception e)
            {
                Assert.Fail($"{e} for {Convert.ToHexString(datagram)}");
            }

            parsed += events.Count;

            // A message takes 28 bytes at the least: a header each, and the token.
            Assert.InRange(events.Count, 0, datagram.Length / 28);
            while (events.TryDequeue(out var pathEvent))
            {
                Assert.True(Enum.IsDefined(pathEvent.Kind) && pathEvent.Kind != MptcpPathEventKind.EventsLost, Convert.ToHexString(datagram));
                Assert.True(pathEvent.ResetReason is null || Enum.IsDefined(pathEvent.ResetReason.Value), Convert.ToHexString(datagram));
                Assert.NotNull(pathEvent.Token);
                Assert.NotEmpty(pathEvent.ToString());
            }
        }

        // Otherwise the mutants are all the same.
        Assert.InRange(malformed, Mutants / 10, 2 * Mutants);
        Assert.InRange(parsed, Mutants / 10, 2 * Mutants);
    }

    private static byte[] Mutate(Random random, byte[][] corpus)
    {
        byte[] bytes = [.. corpus[random.Next(corpus.Length)]];
        if (random.Next(4) == 0)
        {
            bytes = [.. bytes, .. corpus[random.Next(corpus.Length)]];
        }

        for (var count = random.Next(1, 4); count > 0 && bytes.Length > 0; count--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2: // a length, most often
                    MemoryMarshal.TryWrite(bytes.AsSpan(at & ~3), (ushort)random.Next(40));
                    break;
                case 3:
                    bytes = bytes[..at];
                    break;
                case 4:
                    bytes = [.. bytes[..at], .. bytes[random.Next(bytes.Length)..]];
                    break;
                default: // cut short, with a header that agrees
                    bytes = bytes[..at];
                    if (bytes.Length >= 4)
                    {
                        MemoryMarshal.Write(bytes, bytes.Length);
                    }

                    break;
            }
        }

        return bytes;
    }

    /// <summary>Has every kind of event happen on two hosts, and takes down the datagrams.</summary>
    private static async Task<(ushort Family, byte[][] Messages)> CaptureAsync()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Server, TwoCables.SecondServerAddress, "signal");
        var (server, family) = cables.Server.Run(OpenRaw);
        var (client, _) = cables.Client.Run(OpenRaw);
        using (server)
        using (client)
        {
            foreach (var addressFamily in new[] { AddressFamily.InterNetwork, AddressFamily.InterNetworkV6 })
            {
                await using var recorder = new EventRecorder(cables.Client);
                using (var connection = cables.Connect(addressFamily))
                {
                    await recorder.WaitForAsync(MptcpPathEventKind.SubflowEstablished);
                    await TwoCables.ChangeEndpointAsync(cables.Server, "backup");
                    await recorder.WaitForAsync(MptcpPathEventKind.SubflowPriorityChanged);
                    await TwoCables.DeleteEndpointAsync(cables.Server);
                    await recorder.WaitForAsync(MptcpPathEventKind.SubflowClosed);
                }

                await recorder.WaitForAsync(MptcpPathEventKind.ConnectionClosed);
                await TwoCables.AddEndpointAsync(cables.Server, TwoCables.SecondServerAddress, "signal");
            }

            return (family, [.. Drain(server), .. Drain(client)]);
        }
    }

    private static (Socket Socket, ushort Family) OpenRaw()
    {
        Assert.Equal(0, GenericNetlink.Open(out var handle));
        var socket = new Socket(handle!) { Blocking = false };
        GenericNetlink.Resolve(socket, NetlinkConstants.MPTCP_PM_NAME, NetlinkConstants.MPTCP_PM_EV_GRP_NAME, out var family, out var group);
        Assert.Equal(0, LibC.SetSocketOption(handle!, NetlinkConstants.SOL_NETLINK, NetlinkConstants.NETLINK_ADD_MEMBERSHIP, (int)group!));
        return (socket, family!.Value);
    }

    private static IEnumerable<byte[]> Drain(Socket socket)
    {
        var buffer = new byte[GenericNetlink.DatagramSize];
        while (socket.Receive(buffer, SocketFlags.None, out var error) is var length && error == SocketError.Success)
        {
            yield return buffer[..length];
        }
    }
}
