using System.Net;
using System.Net.Sockets;
using Mptcp.Benchmarks.Micro;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Client;

/// <summary>A request and its answer without HTTP: what the kernel alone asks for a Multipath TCP socket that fell back.</summary>
internal sealed class RoundTrips : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[150];

    private RoundTrips(Socket socket)
    {
        _socket = socket;
        _socket.Connect(new IPEndPoint(IPAddress.Loopback, EchoServer.Port));
        _socket.NoDelay = true;
    }

    public static IEnumerable<string[]> Compare(int pairs)
    {
        using var fallenBack = new RoundTrips(MptcpSocket.Create(AddressFamily.InterNetwork));
        using var tcp = new RoundTrips(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        var status = MptcpSocket.GetStatus(fallenBack._socket);
        if (status != MptcpStatus.FellBack)
        {
            throw new InvalidOperationException($"The connection is {status}.");
        }

        yield return Comparison.Run("150 bytes sent and echoed, fell back, against TCP", fallenBack.SendAndReceive, tcp.SendAndReceive, calls: 300, pairs);
        yield return Comparison.Run("the same without blocking, fell back, against TCP", fallenBack.SendAndReceiveAsync, tcp.SendAndReceiveAsync, calls: 300, pairs);
    }

    public void Dispose() => _socket.Dispose();

    private void SendAndReceive(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            _socket.Send(_buffer);
            for (var received = 0; received < _buffer.Length;)
            {
                received += _socket.Receive(_buffer);
            }
        }
    }

    /// <summary>As HttpClient does it.</summary>
    private void SendAndReceiveAsync(int calls) => ExchangeAsync(calls).GetAwaiter().GetResult();

    private async Task ExchangeAsync(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            await _socket.SendAsync(_buffer).ConfigureAwait(false);
            for (var received = 0; received < _buffer.Length;)
            {
                received += await _socket.ReceiveAsync(_buffer).ConfigureAwait(false);
            }
        }
    }
}
