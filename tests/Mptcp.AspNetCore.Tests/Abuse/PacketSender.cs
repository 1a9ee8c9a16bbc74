using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Mptcp.AspNetCore.Tests.Abuse;

/// <summary>A TCP segment as somebody else would forge it.</summary>
internal sealed record Segment(IPEndPoint From, IPEndPoint To, uint Sequence, uint Acknowledgement, byte Flags, byte[] Options, byte[] Data);

/// <summary>
/// Puts segments of IPv4 on the wire that no TCP would send, with correct checksums, and listens to those that come in. It belongs to the
/// host of the thread that makes it. Needs root.
/// </summary>
internal sealed class PacketSender : IDisposable
{
    public const byte Syn = 0x02;
    public const byte Ack = 0x10;
    public const byte AckPush = 0x18;

    // This protocol means that the header of IP is in what is sent.
    private readonly Socket _out = new(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
    private readonly Socket _in = new(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Tcp) { ReceiveTimeout = 10_000, ReceiveBufferSize = 1 << 20 };
    private readonly byte[] _buffer = new byte[65_536];

    /// <summary>The options of a SYN that asks to join the connection with this token (RFC 8684, section 3.2): ten bytes of twelve.</summary>
    public static byte[] JoinOption(uint token, uint nonce)
    {
        // Kind 30, length 12, subtype 1, address id 1.
        var option = new byte[12];
        (option[0], option[1], option[2], option[3]) = (30, 12, 0x10, 1);
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(4), token);
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(8), nonce);
        return option;
    }

    public void Send(Segment segment)
    {
        var options = (segment.Options.Length + 3) / 4 * 4;
        var tcpLength = 20 + options + segment.Data.Length;
        var packet = new byte[20 + tcpLength];
        var ip = packet.AsSpan(0, 20);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)packet.Length);
        (ip[8], ip[9]) = (64, 6);
        segment.From.Address.TryWriteBytes(ip[12..], out _);
        segment.To.Address.TryWriteBytes(ip[16..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Checksum(Sum(ip)));

        var tcp = packet.AsSpan(20);
        BinaryPrimitives.WriteUInt16BigEndian(tcp, (ushort)segment.From.Port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], (ushort)segment.To.Port);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], segment.Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], segment.Acknowledgement);
        tcp[12] = (byte)((20 + options) / 4 << 4);
        tcp[13] = segment.Flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], 0xffff);
        segment.Options.CopyTo(tcp[20..]);
        segment.Data.CopyTo(tcp[(20 + options)..]);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], Checksum(Sum(ip[12..20]) + 6 + (uint)tcpLength + Sum(tcp)));
        _out.SendTo(packet, new IPEndPoint(segment.To.Address, 0));
    }

    /// <summary>The next segment that comes in to this host, with neither its options nor its data.</summary>
    /// <returns>The segment, and how many bytes of data it has.</returns>
    public (Segment Segment, int Length) Receive()
    {
        var packet = _buffer.AsSpan(0, _in.Receive(_buffer));
        var header = (packet[0] & 0xf) * 4;
        var tcp = packet[header..];
        var segment = new Segment(
            new IPEndPoint(new IPAddress(packet[12..16]), BinaryPrimitives.ReadUInt16BigEndian(tcp)),
            new IPEndPoint(new IPAddress(packet[16..20]), BinaryPrimitives.ReadUInt16BigEndian(tcp[2..])),
            BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]),
            tcp[13],
            [],
            []);
        return (segment, tcp.Length - (tcp[12] >> 4) * 4);
    }

    public void Dispose()
    {
        _out.Dispose();
        _in.Dispose();
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 1; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        return bytes.Length == 1 ? sum + ((uint)bytes[0] << 8) : sum;
    }

    private static ushort Checksum(uint sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
