using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;
using Mptcp.TestServer;

namespace Mptcp.AspNetCore.Tests.Abuse;

[Collection(AbuseSuite.Name)]
public sealed class ProbeTests
{
    private const int Threads = 16;

    private static readonly int s_count = Scale.Of(2_000, 100_000);

    // Fewer: sixteen threads that never rest are all the load that a small machine can take.
    private static readonly int s_countInProcess = Scale.Of(400, 20_000);

    /// <summary>What the server says over a connection is of this connection, while others are reset around it.</summary>
    [Fact]
    public async Task Probe_FromSixteenClientsWhileConnectionsClose_EachAnswerIsItsOwnConnections()
    {
        Requires.Namespaces();
        foreach (var transport in Rival.Both)
        {
            await using var rival = await Rival.StartAsync(transport);
            var answers = 0;
            await rival.AbuseAsync(Threads, s_count, i =>
            {
                var mptcp = i / 3 % 2 == 1;
                using var peer = Peer.Connect(rival.Http, mptcp, new IPAddress([127, 0, 1, (byte)(1 + (i % 64))]));
                for (var request = 0; request < 3; request++)
                {
                    var status = transport == TestServerProcess.Stock ? "absent" : mptcp ? "active" : "not-negotiated";
                    Assert.Equal($"{peer.Socket.LocalEndPoint} {status}", peer.Get("/connection").Text);
                    Interlocked.Increment(ref answers);
                }

                if (i % 3 > 0)
                {
                    // While the server is busy with it.
                    peer.SendRequest("/connection");
                    peer.Reset();
                }
            });
            rival.AssertServes();
            rival.AssertNoErrors();
            Scale.Tell($"{transport}: {s_count} connections, {answers} answers compared, {s_count - ((s_count + 2) / 3)} reset with a request under way");
        }
    }

    /// <summary>
    /// In the process, where a descriptor is another connection's as soon as it is closed: who reads a feature too late must not be told
    /// of that one. TCP clients come from 127.0.0.2 and MPTCP clients from 127.0.0.3, so that each feature is known by its address.
    /// </summary>
    [Fact]
    public async Task Feature_ReadFromSixteenThreadsWhileDescriptorsAreReused_NeverTellsOfAnother()
    {
        Requires.Mptcp();
        var recent = new ConnectionContext[64];
        var accepted = 0;
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(next => connection =>
            {
                Volatile.Write(ref recent[Interlocked.Increment(ref accepted) % recent.Length], connection);
                return next(connection);
            })));
        });
        using var stop = new CancellationTokenSource();
        var wrong = new ConcurrentBag<string>();
        var (tcpReads, mptcpReads, closedReads, subflowReads) = (0L, 0L, 0L, 0L);
        var readers = Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Factory.StartNew(
            () =>
            {
                for (var i = worker; i < s_countInProcess; i += 4)
                {
                    var mptcp = i / 4 % 2 == 1;
                    using var peer = Peer.Connect(server.EndPoint, mptcp, new IPAddress([127, 0, 0, (byte)(mptcp ? 3 : 2)]));
                    Assert.Equal(mptcp ? "active" : "not-negotiated", peer.Get("/").Text);
                    peer.Reset();
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        await stop.CancelAsync();
        await Task.WhenAll(readers);

        Assert.Empty(wrong);
        Assert.All([tcpReads, mptcpReads, closedReads, subflowReads], reads => Assert.InRange(reads, 100, long.MaxValue));
        Scale.Tell(
            $"{accepted} connections; read of TCP clients {tcpReads} times, of MPTCP clients {mptcpReads}, {subflowReads} lists of subflows, {closedReads} reads after the end; none of another connection");

        void Read()
        {
            var random = new Random();
            while (!stop.IsCancellationRequested)
            {
                if (Volatile.Read(ref recent[random.Next(recent.Length)]) is not { } connection || connection.RemoteEndPoint is not IPEndPoint remote)
                {
                    continue;
                }

                var feature = connection.Features.Get<IMptcpFeature>();
                if (feature is null)
                {
                    // Kestrel has disposed the connection, and its features with it.
                    continue;
                }

                var mptcp = remote.Address.GetAddressBytes()[3] == 3;
                var status = feature.Status;
                var subflows = feature.GetSubflows();
                var isClosed = connection.ConnectionClosed.IsCancellationRequested;
                Interlocked.Increment(ref mptcp ? ref mptcpReads : ref tcpReads);
                Interlocked.Add(ref closedReads, isClosed ? 1 : 0);
                Interlocked.Add(ref subflowReads, subflows.Count > 0 ? 1 : 0);

                // A peer that has reset is no proof of a fallback; what an MPTCP client never is, is a client without MPTCP.
                if (mptcp ? status is MptcpStatus.NotNegotiated or MptcpStatus.Unavailable : status == MptcpStatus.Active)
                {
                    wrong.Add($"{remote}: {status}");
                }

                if (!mptcp && feature.TryGetInfo(out _))
                {
                    wrong.Add($"{remote}: figures");
                }

                foreach (var subflow in subflows)
                {
                    // Without an address is the first subflow of a connection that was reset.
                    if (!mptcp || (subflow.RemoteEndPoint is { } peer && peer.Port != 0 && !peer.Equals(remote)))
                    {
                        wrong.Add($"{remote}: {subflow.RemoteEndPoint}");
                    }
                }
            }
        }
    }
}
