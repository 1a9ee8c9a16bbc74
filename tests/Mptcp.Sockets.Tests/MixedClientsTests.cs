using System.Net;
using System.Net.Sockets;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

public sealed class MixedClientsTests
{
    private const int CountOfEach = 200;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task GetStatus_TcpAndMptcpClientsAtOnce_EveryStatusRight(string address)
    {
        Requires.Mptcp();
        Requires.Programs("ss");
        using var listener = Connection.Listen(IPAddress.Parse(address), mptcp: true);
        var connecting = Enumerable.Range(0, 2 * CountOfEach).Select(async i =>
        {
            var socket = Connection.Open(listener.AddressFamily, mptcp: i % 2 == 0);
            await socket.ConnectAsync(listener.LocalEndPoint!);
            return socket;
        }).ToArray();
        var accepted = new Dictionary<EndPoint, Socket>();
        for (var i = 0; i < 2 * CountOfEach; i++)
        {
            var socket = await listener.AcceptAsync();
            accepted.Add(socket.RemoteEndPoint!, socket);
        }

        var clients = await Task.WhenAll(connecting);
        var statistics = await SocketStatistics.ReadAsync();
        for (var i = 0; i < clients.Length; i++)
        {
            var server = accepted[clients[i].LocalEndPoint!];
            var isMptcp = i % 2 == 0;
            Rungs.AssertAll(isMptcp ? MptcpStatus.Active : MptcpStatus.NotNegotiated, server);
            Rungs.AssertAll(isMptcp ? MptcpStatus.Active : MptcpStatus.Unavailable, clients[i]);
            MptcpStatus? inStatistics = isMptcp ? MptcpStatus.Active : null;
            Assert.Equal(inStatistics, statistics.Find(server));
            Assert.Equal(inStatistics, statistics.Find(clients[i]));
        }

        foreach (var socket in clients.Concat(accepted.Values))
        {
            socket.Dispose();
        }
    }
}
