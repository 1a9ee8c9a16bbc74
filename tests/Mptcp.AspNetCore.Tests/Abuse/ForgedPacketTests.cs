using System.Globalization;
using System.Net;
using Mptcp.TestNetwork;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

/// <summary>Segments that no kernel would send, from the client's host to the server's port.</summary>
[Collection(AbuseSuite.Name)]
public sealed class ForgedPacketTests
{
    private const long DownloadSize = 2_000_000;

    private static readonly int s_joins = Scale.Of(20_000, 1_000_000);
    private static readonly int s_fuzzed = Scale.Of(20_000, 1_000_000);

    [Fact]
    public async Task Join_WrongTokensInAFlood_AreCountedAndNothingElseHappens()
    {
        Requires.Namespaces();
        Requires.Programs("ss", "nstat");
        foreach (var transport in Rival.Both)
        {
            await using var network = await MultipathNetwork.CreateAsync(links: 1);
            await using var rival = await Rival.StartAsync(transport, network);
            rival.AssertServes();
            var before = await rival.GetBaselineAsync();
            var counted = await rival.CountAsync("MPTcpExtMPJoinNoTokenFound");
            var flood = rival.AbuseAsync(1, 1, _ =>
            {
                using var sender = new PacketSender();
                var random = new Random(6);
                for (var i = 0; i < s_joins; i++)
                {
                    sender.Send(new Segment(
                        new IPEndPoint(network.ClientAddress, random.Next(1024, 65_536)), rival.Http, (uint)random.NextInt64(1L << 32), 0, PacketSender.Syn,
                        PacketSender.JoinOption((uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32)), []));
                }
            });
            var downloaded = await DownloadUntilAsync(rival, flood);
            rival.AssertServes();
            rival.AssertNoErrors();

            counted = await rival.CountAsync("MPTcpExtMPJoinNoTokenFound") - counted;
            var growth = await rival.SettleAsync(before, growth => growth is { Descriptors: <= 4, Sockets: 0, Connections: <= 0 });
            Scale.Tell($"{transport}: {s_joins} joins with wrong tokens, {counted} counted by the kernel, {downloaded} bytes compared meanwhile; then {growth}");
            Assert.InRange(growth.Descriptors, long.MinValue, 4);
            Assert.Equal(0, growth.Sockets);
            Assert.True(growth.Connections <= 0, $"{growth}");
            if (transport == TestServerProcess.Mptcp)
            {
                // The kernel may drop some on the way, and a port may hit upon a connection that is there.
                Assert.InRange(counted, s_joins * 9 / 10, s_joins);
            }
        }
    }

    [Fact]
    public async Task Options_FromAFuzzer_HitOnlyTheConnectionsTheyAreAimedAt()
    {
        Requires.Namespaces();
        Requires.Programs("ss", "nstat");
        var seed = Random.Shared.Next();
        foreach (var transport in Rival.Both)
        {
            await using var network = await MultipathNetwork.CreateAsync(links: 1);
            await using var rival = await Rival.StartAsync(transport, network);
            rival.AssertServes();
            var before = await rival.GetBaselineAsync();
            var (syns, inLive) = (0, 0);
            Scale.Tell($"{transport}: seed {seed}");

            // Those that are aimed at. What becomes of them is between them and the kernel.
            var victims = Enumerable.Range(0, 16).Select(i => rival.Connect(mptcp: i % 2 == 1)).ToArray();
            (uint, uint)[] states = [];
            await rival.AbuseAsync(1, 1, _ => states = Capture(victims));
            var fuzz = rival.AbuseAsync(1, 1, _ => (syns, inLive) = Fuzz(rival, network.ClientAddress, new Random(seed), victims, states));
            var downloaded = await DownloadUntilAsync(rival, fuzz);
            foreach (var victim in victims)
            {
                victim.Reset();
            }

            rival.AssertServes();
            Assert.DoesNotContain("crit:", rival.Process.Program.Output, StringComparison.Ordinal);

            // A victim whose reset no longer fits what was forged lives on until Kestrel's limit for connections that keep quiet, 130 s.
            var growth = await rival.SettleAsync(before, growth => growth is { Descriptors: <= 4, Sockets: 0, Connections: <= 0 }, TimeSpan.FromMinutes(4));
            Scale.Tell(string.Create(
                CultureInfo.InvariantCulture,
                $"{transport}: {syns} SYNs and {inLive} segments of live connections with random options; {downloaded} bytes compared over connections that were not aimed at; then {growth}"));
            Assert.InRange(growth.Descriptors, long.MinValue, 4);
            Assert.Equal(0, growth.Sockets);
            Assert.True(growth.Connections <= 0, $"{growth}");
            Assert.Equal(0, await rival.CountAsync("MPTcpExtMPFailRx"));
        }
    }

    /// <summary>Over one MPTCP and one TCP connection that live as long as the abuse does.</summary>
    private static async Task<long> DownloadUntilAsync(Rival rival, Task abuse)
    {
        long downloaded = 0;
        await rival.AbuseAsync(2, 2, i =>
        {
            using var peer = Peer.Connect(rival.Http, mptcp: i == 1);
            do
            {
                peer.GetBytes(DownloadSize);
                Interlocked.Add(ref downloaded, DownloadSize);
            }
            while (!abuse.IsCompleted);
        });
        await abuse;
        return downloaded;
    }

    /// <summary>
    /// What the server sends tells where both ends are. While nobody else sends: what does not fit the buffer of whoever listens is not
    /// heard.
    /// </summary>
    private static (uint Sequence, uint Acknowledgement)[] Capture(Peer[] victims)
    {
        using var sender = new PacketSender();
        return [.. victims.Select(victim =>
        {
            victim.SendRequest("/");
            var port = ((IPEndPoint)victim.Socket.LocalEndPoint!).Port;
            while (true)
            {
                var (segment, length) = sender.Receive();
                if (segment.To.Port == port && length > 0)
                {
                    return (segment.Acknowledgement, segment.Sequence + (uint)length);
                }
            }
        })];
    }

    private static (int Syns, int InLive) Fuzz(
        Rival rival, IPAddress from, Random random, Peer[] victims, (uint Sequence, uint Acknowledgement)[] states)
    {
        var (syns, inLive) = (0, 0);
        using var sender = new PacketSender();
        for (var i = 0; i < s_fuzzed; i++)
        {
            if (i % 2 == 0)
            {
                sender.Send(new Segment(
                    new IPEndPoint(from, random.Next(1024, 65_536)), rival.Http, (uint)random.NextInt64(1L << 32), 0, PacketSender.Syn, Options(random), []));
                syns++;
                continue;
            }

            byte[] options;
            do
            {
                options = Options(random);
            }
            while (HoldsFail(options));

            // Some with data, which the server takes for the client's, and answers by ending the connection: what comes then is for one that is gone.
            var aim = random.Next(victims.Length);
            var data = new byte[random.Next(4) == 0 ? random.Next(1, 64) : 0];
            random.NextBytes(data);
            sender.Send(new Segment(
                (IPEndPoint)victims[aim].Socket.LocalEndPoint!, rival.Http, states[aim].Sequence, states[aim].Acknowledgement,
                data.Length > 0 ? PacketSender.AckPush : PacketSender.Ack, options, data));
            states[aim].Sequence += (uint)data.Length;
            inLive++;
        }

        return (syns, inLive);
    }

    /// <summary>
    /// Whether MP_FAIL is among them (RFC 8684, section 3.7). Two kernels that are told of it from outside go on telling each other, and
    /// with it the processors of both hosts are busy (Linux 6.18): this would be a test of theirs, not of the server's.
    /// </summary>
    private static bool HoldsFail(ReadOnlySpan<byte> options)
    {
        for (var rest = options; rest is [var kind and not 0, ..];)
        {
            if (kind == 1)
            {
                rest = rest[1..];
                continue;
            }

            if (rest is [30, _, >= 0x60 and < 0x70, ..])
            {
                return true;
            }

            if (rest.Length < 2 || rest[1] < 2 || rest[1] > rest.Length)
            {
                return false;
            }

            rest = rest[rest[1]..];
        }

        return false;
    }

    /// <summary>Up to 40 bytes, which is all that a header has room for: MPTCP's of each subtype, others, and plain noise.</summary>
    private static byte[] Options(Random random)
    {
        var options = new byte[random.Next(41)];
        random.NextBytes(options);
        for (var i = 0; i + 1 < options.Length && random.Next(8) > 0;)
        {
            var length = random.Next(16) == 0 ? random.Next(256) : random.Next(2, 29);
            options[i] = random.Next(3) > 0 ? (byte)30 : (byte)random.Next(256);
            options[i + 1] = (byte)length;
            i += Math.Max(length, 2);
        }

        return options;
    }
}
