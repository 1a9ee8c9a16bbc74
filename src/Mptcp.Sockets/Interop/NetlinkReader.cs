using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>Walks the messages of one netlink datagram (<c>struct nlmsghdr</c>). No length in it is trusted.</summary>
internal ref struct NetlinkReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>The message type: a generic netlink family, or a control message.</summary>
    public ushort Type { get; private set; }

    /// <summary>What follows the message's header.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>The walk ended at a message that does not fit into the datagram.</summary>
    public bool IsMalformed { get; private set; }

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        var length = _rest.Length >= NetlinkConstants.NLMSG_HDRLEN ? MemoryMarshal.Read<uint>(_rest) : 0;
        if (length < NetlinkConstants.NLMSG_HDRLEN || length > (uint)_rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }

        Type = MemoryMarshal.Read<ushort>(_rest[4..]);
        Payload = _rest[NetlinkConstants.NLMSG_HDRLEN..(int)length];

        // The last one may come without its padding.
        _rest = _rest[Math.Min(Align((int)length, NetlinkConstants.NLMSG_ALIGNTO), _rest.Length)..];
        return true;
    }

    internal static int Align(int length, int to) => (length + to - 1) & -to;
}

/// <summary>Walks attributes (<c>struct nlattr</c>). No length in them is trusted.</summary>
internal ref struct NetlinkAttributeReader(ReadOnlySpan<byte> attributes)
{
    private ReadOnlySpan<byte> _rest = attributes;

    /// <summary>The attribute's number, without the flags for nesting and byte order.</summary>
    public int Type { get; private set; }

    /// <summary>The attribute's bytes.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>The walk ended at an attribute that does not fit.</summary>
    public bool IsMalformed { get; private set; }

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        var length = _rest.Length >= NetlinkConstants.NLA_HDRLEN ? MemoryMarshal.Read<ushort>(_rest) : 0;
        if (length < NetlinkConstants.NLA_HDRLEN || length > _rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }

        Type = MemoryMarshal.Read<ushort>(_rest[2..]) & NetlinkConstants.NLA_TYPE_MASK;
        Value = _rest[NetlinkConstants.NLA_HDRLEN..length];
        _rest = _rest[Math.Min(NetlinkReader.Align(length, NetlinkConstants.NLA_ALIGNTO), _rest.Length)..];
        return true;
    }

    /// <summary>The attribute's value as a number in the byte order of this machine, if it is long enough.</summary>
    public readonly bool TryRead<T>(out T value)
        where T : unmanaged => MemoryMarshal.TryRead(Value, out value);
}
