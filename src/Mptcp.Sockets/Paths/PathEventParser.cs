using System.Buffers.Binary;
using System.Net;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Paths;

/// <summary>Turns netlink datagrams into events. Pure, and safe with any bytes.</summary>
internal static class PathEventParser
{
    /// <summary>Appends the events of a datagram, in order.</summary>
    /// <param name="datagram">What was received.</param>
    /// <param name="family">The message type of the family <c>mptcp_pm</c>; other messages are none of ours.</param>
    /// <param name="events">Where the events go.</param>
    /// <returns>How many messages were malformed or truncated, and skipped.</returns>
    public static int Parse(ReadOnlySpan<byte> datagram, ushort family, Queue<MptcpPathEvent> events)
    {
        var malformed = 0;
        var messages = new NetlinkReader(datagram);
        while (messages.MoveNext())
        {
            if (messages.Type != family)
            {
                continue;
            }

            if (messages.Payload.Length < NetlinkConstants.GENL_HDRLEN)
            {
                malformed++;
            }
            else if (ToKind(messages.Payload[0]) is { } kind)
            {
                if (ParseAttributes(messages.Payload[NetlinkConstants.GENL_HDRLEN..], kind) is { } pathEvent)
                {
                    events.Enqueue(pathEvent);
                }
                else
                {
                    malformed++;
                }
            }
        }

        return messages.IsMalformed ? malformed + 1 : malformed;
    }

    /// <summary>Null for what is no path event: listeners that come and go (Linux 6.2), and what a newer kernel may tell.</summary>
    private static MptcpPathEventKind? ToKind(byte command) => command switch
    {
        NetlinkConstants.MPTCP_EVENT_CREATED => MptcpPathEventKind.ConnectionCreated,
        NetlinkConstants.MPTCP_EVENT_ESTABLISHED => MptcpPathEventKind.ConnectionEstablished,
        NetlinkConstants.MPTCP_EVENT_CLOSED => MptcpPathEventKind.ConnectionClosed,
        NetlinkConstants.MPTCP_EVENT_ANNOUNCED => MptcpPathEventKind.AddressAnnounced,
        NetlinkConstants.MPTCP_EVENT_REMOVED => MptcpPathEventKind.AddressRemoved,
        NetlinkConstants.MPTCP_EVENT_SUB_ESTABLISHED => MptcpPathEventKind.SubflowEstablished,
        NetlinkConstants.MPTCP_EVENT_SUB_CLOSED => MptcpPathEventKind.SubflowClosed,
        NetlinkConstants.MPTCP_EVENT_SUB_PRIORITY => MptcpPathEventKind.SubflowPriorityChanged,
        _ => null,
    };

    /// <summary>Null when a length is wrong, a known attribute is too short, or the token, which every event has, is missing.</summary>
    private static MptcpPathEvent? ParseAttributes(ReadOnlySpan<byte> payload, MptcpPathEventKind kind)
    {
        var fields = default(Fields);
        var attributes = new NetlinkAttributeReader(payload);
        while (attributes.MoveNext())
        {
            if (!fields.Take(attributes))
            {
                return null;
            }
        }

        return attributes.IsMalformed || fields.Token is null ? null : fields.ToEvent(kind);
    }

    private ref struct Fields
    {
        private IPAddress? _localAddress;
        private IPAddress? _remoteAddress;
        private ushort _localPort;
        private ushort _remotePort;
        private byte? _localId;
        private byte? _remoteId;
        private byte? _backup;
        private byte? _error;
        private ushort? _flags;
        private int? _interfaceIndex;
        private uint? _resetReason;
        private uint? _resetFlags;
        private byte? _serverSide;

        public uint? Token { get; private set; }

        public bool Take(in NetlinkAttributeReader attribute)
        {
            switch (attribute.Type)
            {
                case NetlinkConstants.MPTCP_ATTR_TOKEN:
                    Token = Read<uint>(attribute);
                    return Token is not null;
                case NetlinkConstants.MPTCP_ATTR_LOC_ID:
                    _localId = Read<byte>(attribute);
                    return _localId is not null;
                case NetlinkConstants.MPTCP_ATTR_REM_ID:
                    _remoteId = Read<byte>(attribute);
                    return _remoteId is not null;
                case NetlinkConstants.MPTCP_ATTR_SADDR4:
                    _localAddress = ReadAddress(attribute, 4);
                    return _localAddress is not null;
                case NetlinkConstants.MPTCP_ATTR_SADDR6:
                    _localAddress = ReadAddress(attribute, 16);
                    return _localAddress is not null;
                case NetlinkConstants.MPTCP_ATTR_DADDR4:
                    _remoteAddress = ReadAddress(attribute, 4);
                    return _remoteAddress is not null;
                case NetlinkConstants.MPTCP_ATTR_DADDR6:
                    _remoteAddress = ReadAddress(attribute, 16);
                    return _remoteAddress is not null;
                case NetlinkConstants.MPTCP_ATTR_SPORT:
                    return BinaryPrimitives.TryReadUInt16BigEndian(attribute.Value, out _localPort);
                case NetlinkConstants.MPTCP_ATTR_DPORT:
                    return BinaryPrimitives.TryReadUInt16BigEndian(attribute.Value, out _remotePort);
                case NetlinkConstants.MPTCP_ATTR_BACKUP:
                    _backup = Read<byte>(attribute);
                    return _backup is not null;
                case NetlinkConstants.MPTCP_ATTR_ERROR:
                    _error = Read<byte>(attribute);
                    return _error is not null;
                case NetlinkConstants.MPTCP_ATTR_FLAGS:
                    _flags = Read<ushort>(attribute);
                    return _flags is not null;
                case NetlinkConstants.MPTCP_ATTR_IF_IDX:
                    _interfaceIndex = Read<int>(attribute);
                    return _interfaceIndex is not null;
                case NetlinkConstants.MPTCP_ATTR_RESET_REASON:
                    _resetReason = Read<uint>(attribute);
                    return _resetReason is not null;
                case NetlinkConstants.MPTCP_ATTR_RESET_FLAGS:
                    _resetFlags = Read<uint>(attribute);
                    return _resetFlags is not null;
                case NetlinkConstants.MPTCP_ATTR_SERVER_SIDE:
                    _serverSide = Read<byte>(attribute);
                    return _serverSide is not null;
                default:
                    return true;
            }
        }

        public readonly MptcpPathEvent ToEvent(MptcpPathEventKind kind) => new()
        {
            Kind = kind,
            Token = Token,
            LocalEndPoint = _localAddress is null ? null : new IPEndPoint(_localAddress, _localPort),
            RemoteEndPoint = _remoteAddress is null ? null : new IPEndPoint(_remoteAddress, _remotePort),
            LocalAddressId = _localId,
            RemoteAddressId = _remoteId,
            IsBackup = ToBoolean(_backup),
            InterfaceIndex = _interfaceIndex,
            Errno = _error is null or 0 ? null : _error,
            ResetReason = _resetReason is not { } reason ? null
                : reason <= (uint)MptcpResetReason.MiddleboxInterference ? (MptcpResetReason)reason
                : MptcpResetReason.Unspecified,
            IsResetTransient = ToBoolean(_resetFlags),
            IsServerSide = (_flags & NetlinkConstants.MPTCP_PM_EV_FLAG_SERVER_SIDE) > 0 ? true : ToBoolean(_serverSide),
        };

        private static bool? ToBoolean(uint? value) => value is null ? null : value != 0;

        private static T? Read<T>(in NetlinkAttributeReader attribute)
            where T : unmanaged => attribute.TryRead(out T value) ? value : null;

        private static IPAddress? ReadAddress(in NetlinkAttributeReader attribute, int length)
        {
            if (attribute.Value.Length < length)
            {
                return null;
            }

            var address = new IPAddress(attribute.Value[..length]);
            return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        }
    }
}
