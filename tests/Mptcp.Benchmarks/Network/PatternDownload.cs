using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.Benchmarks.Network;

/// <summary>A download of the test server's <c>/bytes</c> over a socket of the network's client, each byte checked as it comes.</summary>
internal sealed class PatternDownload : IDisposable
{
    public const int Port = 80;

    private const int Prime = 251;

    private readonly byte[] _buffer = new byte[1 << 18];
    private readonly byte[] _pattern = [.. Enumerable.Range(0, (1 << 18) + Prime).Select(i => (byte)(i % Prime))];
    private readonly long _length;
    private long _position;

    private PatternDownload(Socket socket, long length)
    {
        Socket = socket;
        _length = length;
    }

    public Socket Socket { get; }

    public bool IsComplete => _position == _length;

    /// <summary>Over one link with TCP, or with Multipath TCP beginning on it.</summary>
    public static PatternDownload Start(MultipathNetwork network, NetworkLink link, bool mptcp, long length)
    {
        var socket = network.Client.Run(() =>
            mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        var download = new PatternDownload(socket, length);
        try
        {
            // A transfer that died is not to be waited for.
            socket.ReceiveTimeout = 30_000;
            socket.Bind(new IPEndPoint(link.ClientAddress, 0));
            socket.Connect(link.ServerAddress, Port);
            download.Request();
            return download;
        }
        catch
        {
            download.Dispose();
            throw;
        }
    }

    /// <returns>Bytes received now; 0 when it is complete.</returns>
    public int Receive()
    {
        if (IsComplete)
        {
            return 0;
        }

        var count = Socket.Receive(_buffer, (int)Math.Min(_buffer.Length, _length - _position), SocketFlags.None);
        Accept(_buffer.AsSpan(0, count));
        return count > 0 ? count : throw new InvalidOperationException($"Ended after {_position} of {_length} bytes.");
    }

    /// <summary>Not in good order: who has had enough does not wait for the rest.</summary>
    public void Dispose()
    {
        Socket.LingerState = new LingerOption(enable: true, seconds: 0);
        Socket.Dispose();
    }

    private void Request()
    {
        Socket.Send(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"GET /bytes/{_length} HTTP/1.1\r\nHost: x\r\n\r\n")));
        var received = 0;
        int end;
        while ((end = _buffer.AsSpan(0, received).IndexOf("\r\n\r\n"u8)) < 0)
        {
            received += Socket.Receive(_buffer.AsSpan(received)) is var count and > 0 ? count : throw new InvalidOperationException("No answer.");
        }

        if (!_buffer.AsSpan().StartsWith("HTTP/1.1 200"u8))
        {
            throw new InvalidOperationException(Encoding.ASCII.GetString(_buffer, 0, end));
        }

        Accept(_buffer.AsSpan(end + 4, received - end - 4));
    }

    private void Accept(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.SequenceEqual(_pattern.AsSpan((int)(_position % Prime), bytes.Length)))
        {
            throw new InvalidOperationException($"Wrong bytes between {_position} and {_position + bytes.Length}.");
        }

        _position += bytes.Length;
    }
}
