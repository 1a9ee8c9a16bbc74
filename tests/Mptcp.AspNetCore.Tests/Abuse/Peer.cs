using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Abuse;

/// <summary>An answer of the server.</summary>
internal sealed record Answer(int Status, byte[] Body)
{
    public string Text => Encoding.ASCII.GetString(Body);
}

/// <summary>
/// A client by hand, which does to its connection what well-behaved ones don't. It belongs to the host of the thread that connects it.
/// </summary>
internal sealed class Peer : IDisposable
{
    private static readonly Lazy<byte[]> s_clientHello = new(CaptureClientHello);

    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private Peer(Socket socket) => Socket = socket;

    /// <summary>What a TLS client says first.</summary>
    public static byte[] ClientHello => s_clientHello.Value;

    public Socket Socket { get; }

    /// <param name="server">Where to.</param>
    /// <param name="mptcp">Whether to ask for MPTCP.</param>
    /// <param name="from">An address of this host; null for the one that the kernel takes.</param>
    public static Peer Connect(IPEndPoint server, bool mptcp, IPAddress? from = null)
    {
        var socket = mptcp
            ? MptcpSocket.Create(server.AddressFamily)
            : new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;

            // What hangs is a failure, and not for ever.
            socket.ReceiveTimeout = socket.SendTimeout = 60_000;
            if (from is not null)
            {
                socket.Bind(new IPEndPoint(from, 0));
            }

            socket.Connect(server);
            return new Peer(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Send(string text) => Send(Encoding.ASCII.GetBytes(text));

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[Socket.Send(bytes)..];
        }
    }

    public void SendRequest(string path) => Send($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");

    public Answer Get(string path)
    {
        SendRequest(path);
        return ReadAnswer();
    }

    public Answer ReadAnswer()
    {
        var status = int.Parse(ReadLine().Split(' ')[1], CultureInfo.InvariantCulture);
        long length = 0;
        var isChunked = false;
        for (string line; (line = ReadLine()).Length > 0;)
        {
            if (line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))
            {
                length = long.Parse(line["Content-Length: ".Length..], CultureInfo.InvariantCulture);
            }

            isChunked |= line.Equals("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase);
        }

        using var body = new MemoryStream();
        if (isChunked)
        {
            while ((length = long.Parse(ReadLine(), NumberStyles.HexNumber, CultureInfo.InvariantCulture)) > 0)
            {
                Read(length, part => body.Write(part));
                ReadLine();
            }

            ReadLine();
        }
        else
        {
            Read(length, part => body.Write(part));
        }

        return new Answer(status, body.ToArray());
    }

    /// <summary>Checks each byte of the answer to /bytes/{count}, where byte i is i modulo 251.</summary>
    public void GetBytes(long count)
    {
        SendRequest($"/bytes/{count}");
        Assert.Contains(" 200 ", ReadLine(), StringComparison.Ordinal);
        while (ReadLine().Length > 0)
        {
        }

        ReadBytes(count);
    }

    /// <summary>The rest of the body, when its head was read.</summary>
    public void ReadBytes(long count)
    {
        long position = 0;
        Read(count, part =>
        {
            for (var i = 0; i < part.Length; i++, position++)
            {
                if (part[i] != position % 251)
                {
                    throw new InvalidDataException($"Byte {position} of {count} is {part[i]}.");
                }
            }
        });
    }

    public string ReadLine()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_start == _end)
            {
                Fill();
            }

            var character = (char)_buffer[_start++];
            if (character == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append(character);
        }
    }

    /// <summary>Until the server ends the connection, in any way.</summary>
    public void ReadToEnd()
    {
        try
        {
            while (Socket.Receive(_buffer) > 0)
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.NotConnected)
        {
        }
    }

    /// <summary>Closes with a reset.</summary>
    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    public void Dispose() => Socket.Dispose();

    private void Read(long count, ReadPart use)
    {
        while (count > 0)
        {
            if (_start == _end)
            {
                Fill();
            }

            var length = (int)Math.Min(count, _end - _start);
            use(_buffer.AsSpan(_start, length));
            _start += length;
            count -= length;
        }
    }

    private void Fill()
    {
        _start = 0;
        _end = Socket.Receive(_buffer);
        if (_end == 0)
        {
            throw new EndOfStreamException("The server ended the connection.");
        }
    }

    private static byte[] CaptureClientHello()
    {
        using var wire = new OneWayStream();
        using var tls = new SslStream(wire);
        Assert.ThrowsAny<Exception>(() => tls.AuthenticateAsClient("localhost"));
        return wire.ToArray();
    }

    private delegate void ReadPart(ReadOnlySpan<byte> part);

    /// <summary>Keeps what is written; nothing is ever answered.</summary>
    private sealed class OneWayStream : MemoryStream
    {
        public override int Read(Span<byte> buffer) => 0;

        public override int Read(byte[] buffer, int offset, int count) => 0;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(0);
    }
}
