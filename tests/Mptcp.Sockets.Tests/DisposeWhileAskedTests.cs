using System.Net.Sockets;
using System.Security.Cryptography;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>A thread that asks about a connection while another thread disposes its socket.</summary>
/// <remarks>
/// .NET disconnects a socket whose handle another thread holds at that moment, and the peer gets a reset instead of the last bytes.
/// </remarks>
public sealed class DisposeWhileAskedTests
{
    private const int Rounds = 200;

    public DisposeWhileAskedTests() => Requires.Mptcp();

    public static TheoryData<string, bool> Questions => new()
    {
        { nameof(MptcpSocket.GetStatus), true },
        { nameof(MptcpSocket.GetStatus), false },
        { nameof(MptcpSocket.TryGetInfo), true },
        { nameof(MptcpSocket.Read), true },
        { nameof(MptcpSocket.GetSubflows), true },
        { nameof(MptcpSocket.GetSubflows), false },
        { nameof(MptcpConnection), true },
    };

    [Theory]
    [MemberData(nameof(Questions))]
    public async Task Dispose_WhileAnotherThreadAsks_PeerGetsEveryByte(string question, bool mptcp)
    {
        var sent = RandomNumberGenerator.GetBytes(30_000);
        var lost = 0;
        for (var round = 0; round < Rounds; round++)
        {
            using var connection = Connection.Establish(clientMptcp: mptcp);
            var ask = GetQuestion(question, connection.Accepted);
            using var stop = new CancellationTokenSource();
            using var started = new ManualResetEventSlim();
            var asking = Task.Run(() =>
            {
                do
                {
                    ask();
                    started.Set();
                }
                while (!stop.IsCancellationRequested);
            });
            started.Wait();

            Assert.Equal(sent.Length, connection.Accepted.Send(sent));
            connection.Accepted.Dispose();
            lost += Receives(connection.Client, sent) ? 0 : 1;

            await stop.CancelAsync();
            await asking;
        }

        Assert.True(lost == 0, $"{lost} of {Rounds} peers got a reset, or not every byte.");
    }

    private static Action GetQuestion(string question, Socket socket)
    {
        var connection = new MptcpConnection(socket);
        return question switch
        {
            nameof(MptcpSocket.GetStatus) => () => MptcpSocket.GetStatus(socket),
            nameof(MptcpSocket.TryGetInfo) => () => MptcpSocket.TryGetInfo(socket, out _),
            nameof(MptcpSocket.Read) => () => MptcpSocket.Read(socket),
            nameof(MptcpSocket.GetSubflows) => () => MptcpSocket.GetSubflows(socket),
            _ => () => connection.TryGetInfo(out _),
        };
    }

    private static bool Receives(Socket socket, byte[] expected)
    {
        var received = new MemoryStream();
        var buffer = new byte[8192];
        try
        {
            while (socket.Receive(buffer) is > 0 and var count)
            {
                received.Write(buffer, 0, count);
            }
        }
        catch (SocketException)
        {
            return false;
        }

        return SHA256.HashData(expected).SequenceEqual(SHA256.HashData(received.ToArray()));
    }
}
