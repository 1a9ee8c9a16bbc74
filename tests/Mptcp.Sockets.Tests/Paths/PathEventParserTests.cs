using System.Net;
using System.Runtime.InteropServices;
using Mptcp.Sockets.Interop;
using Mptcp.Sockets.Paths;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Messages of the kernel, whole and broken.</summary>
public sealed class PathEventParserTests
{
    private const ushort Family = 0x1c;

    [Fact]
    public void Parse_EveryAttribute_InTheEvent()
    {
        var expected = new MptcpPathEvent
        {
            Kind = MptcpPathEventKind.SubflowClosed,
            Token = 0x01020304,
            LocalEndPoint = IPEndPoint.Parse("192.0.2.1:443"),
            RemoteEndPoint = IPEndPoint.Parse("[2001:db8::1]:5000"),
            LocalAddressId = 0,
            RemoteAddressId = 255,
            IsBackup = true,
            InterfaceIndex = 3,
            Errno = Errno.ECONNRESET,
            ResetReason = MptcpResetReason.UnacceptablePerformance,
            IsResetTransient = false,
            IsServerSide = true,
        };
        Assert.Equal([expected], Parse(Everything()));
    }

    [Fact]
    public void Parse_TheLeast_TheRestIsNull() =>
        Assert.Equal(
            [new MptcpPathEvent { Kind = MptcpPathEventKind.ConnectionClosed, Token = 5 }],
            Parse(Message(NetlinkConstants.MPTCP_EVENT_CLOSED, Token(5))));

    [Fact]
    public void Parse_SeveralMessages_InOrderAndOthersLeftOut()
    {
        byte[] datagram =
        [
            .. Message(NetlinkConstants.MPTCP_EVENT_CREATED, Token(1)),
            .. Message(15, Token(2)), // a listener
            .. Message(99, Token(3)), // a kernel to come
            .. Message(NetlinkConstants.MPTCP_EVENT_CLOSED, Token(4), family: Family + 1),
            .. Message(NetlinkConstants.MPTCP_EVENT_CLOSED, [.. Attribute(1000, [1, 2, 3]), .. Token(5), .. Attribute(14, [])]),
        ];
        Assert.Equal<uint?>([1, 5], Parse(datagram).Select(pathEvent => pathEvent.Token));
    }

    [Fact]
    public void Parse_FlagBitsInTheAttributesNumber_Ignored() =>
        Assert.Equal(7u, Assert.Single(Parse(Message(3, Attribute(0x8000 | 0x4000 | NetlinkConstants.MPTCP_ATTR_TOKEN, [7, 0, 0, 0])))).Token);

    [Theory]
    [InlineData(6u, MptcpResetReason.MiddleboxInterference)]
    [InlineData(7u, MptcpResetReason.Unspecified)]
    [InlineData(uint.MaxValue, MptcpResetReason.Unspecified)]
    public void Parse_ResetReason_OneOfTheRfcs(uint code, MptcpResetReason expected) =>
        Assert.Equal(
            expected,
            Assert.Single(Parse(Message(11, [.. Token(1), .. Attribute(NetlinkConstants.MPTCP_ATTR_RESET_REASON, BitConverter.GetBytes(code))]))).ResetReason);

    /// <summary>The two ways in which kernels tell it, and not at all.</summary>
    [Theory]
    [InlineData(null, null, null)]
    [InlineData((byte)0, null, false)]
    [InlineData((byte)1, null, true)]
    [InlineData(null, (ushort)2, true)]
    [InlineData(null, (ushort)1, null)]
    [InlineData((byte)0, (ushort)1, false)]
    public void Parse_ServerSide_AsTheKernelTells(byte? attribute, ushort? flags, bool? expected)
    {
        var message = Token(1);
        if (attribute is { } side)
        {
            message = [.. message, .. Attribute(NetlinkConstants.MPTCP_ATTR_SERVER_SIDE, [side])];
        }

        if (flags is { } bits)
        {
            message = [.. message, .. Attribute(NetlinkConstants.MPTCP_ATTR_FLAGS, BitConverter.GetBytes(bits))];
        }

        Assert.Equal(expected, Assert.Single(Parse(Message(1, message))).IsServerSide);
    }

    [Fact]
    public void Parse_TruncatedAnywhere_CountedAndNoEvent()
    {
        var whole = Everything();
        for (var length = 1; length < whole.Length; length++)
        {
            Assert.Empty(Parse(whole.AsSpan(0, length), expectedMalformed: 1));

            // The same with a header that says so: then it may end between two attributes, and is whole if it has the token.
            var cut = whole[..length];
            if (length >= NetlinkConstants.NLMSG_HDRLEN)
            {
                MemoryMarshal.Write(cut, length);
                var events = new Queue<MptcpPathEvent>();
                Assert.Equal(1, PathEventParser.Parse(cut, Family, events) + events.Count);
            }
        }

        Assert.Empty(Parse([]));
    }

    /// <summary>Every attribute that is known, one byte too short.</summary>
    [Fact]
    public void Parse_AttributeTooShort_CountedAndNoEvent()
    {
        foreach (var (type, value) in Attributes())
        {
            var shortened = Message(11, [.. Token(1), .. Attribute(type, value[1..])]);
            Assert.Empty(Parse(shortened, expectedMalformed: 1));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(9)]
    [InlineData(ushort.MaxValue)]
    public void Parse_AttributesLengthWrong_CountedAndNoEvent(int length)
    {
        var message = Message(3, Token(1));
        MemoryMarshal.Write(message.AsSpan(20), (ushort)length);
        Assert.Empty(Parse(message, expectedMalformed: 1));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(15u)]
    [InlineData(19u)]
    [InlineData(29u)]
    [InlineData(int.MaxValue)]
    [InlineData(uint.MaxValue)]
    [InlineData(uint.MaxValue - 2)]
    public void Parse_MessagesLengthWrong_CountedAndNoEvent(uint length)
    {
        var message = Message(3, Token(1));
        MemoryMarshal.Write(message, length);
        var events = new Queue<MptcpPathEvent>();
        Assert.InRange(PathEventParser.Parse(message, Family, events), 1, 2);
        Assert.Empty(events);
    }

    [Fact]
    public void Parse_WithoutToken_CountedAndNoEvent() => Assert.Empty(Parse(Message(3, []), expectedMalformed: 1));

    private static MptcpPathEvent[] Parse(ReadOnlySpan<byte> datagram, int expectedMalformed = 0)
    {
        var events = new Queue<MptcpPathEvent>();
        Assert.Equal(expectedMalformed, PathEventParser.Parse(datagram, Family, events));
        return [.. events];
    }

    private static (int Type, byte[] Value)[] Attributes() =>
    [
        (NetlinkConstants.MPTCP_ATTR_TOKEN, [4, 3, 2, 1]),
        (NetlinkConstants.MPTCP_ATTR_LOC_ID, [0]),
        (NetlinkConstants.MPTCP_ATTR_REM_ID, [255]),
        (NetlinkConstants.MPTCP_ATTR_DADDR4, [203, 0, 113, 1]),
        (NetlinkConstants.MPTCP_ATTR_SADDR6, IPAddress.Parse("2001:db8::2").GetAddressBytes()),
        (NetlinkConstants.MPTCP_ATTR_SADDR4, [192, 0, 2, 1]),
        (NetlinkConstants.MPTCP_ATTR_DADDR6, IPAddress.Parse("2001:db8::1").GetAddressBytes()),
        (NetlinkConstants.MPTCP_ATTR_SPORT, [443 >> 8, 443 & 255]),
        (NetlinkConstants.MPTCP_ATTR_DPORT, [5000 >> 8, 5000 & 255]),
        (NetlinkConstants.MPTCP_ATTR_BACKUP, [1]),
        (NetlinkConstants.MPTCP_ATTR_ERROR, [Errno.ECONNRESET]),
        (NetlinkConstants.MPTCP_ATTR_FLAGS, [3, 0]),
        (NetlinkConstants.MPTCP_ATTR_IF_IDX, [3, 0, 0, 0]),
        (NetlinkConstants.MPTCP_ATTR_RESET_REASON, [5, 0, 0, 0]),
        (NetlinkConstants.MPTCP_ATTR_RESET_FLAGS, [0, 0, 0, 0]),
        (NetlinkConstants.MPTCP_ATTR_SERVER_SIDE, [1]),
    ];

    private static byte[] Everything() =>
        Message(NetlinkConstants.MPTCP_EVENT_SUB_CLOSED, [.. Attributes().SelectMany(attribute => Attribute(attribute.Type, attribute.Value))]);

    private static byte[] Token(uint token) => Attribute(NetlinkConstants.MPTCP_ATTR_TOKEN, BitConverter.GetBytes(token));

    private static byte[] Attribute(int type, byte[] value)
    {
        var attribute = new byte[NetlinkReader.Align(4 + value.Length, 4)];
        MemoryMarshal.Write(attribute, (ushort)(4 + value.Length));
        MemoryMarshal.Write(attribute.AsSpan(2), (ushort)type);
        value.CopyTo(attribute, 4);
        return attribute;
    }

    private static byte[] Message(byte command, byte[] attributes, ushort family = Family)
    {
        var message = new byte[20 + attributes.Length];
        MemoryMarshal.Write(message, message.Length);
        MemoryMarshal.Write(message.AsSpan(4), family);
        message[16] = command;
        attributes.CopyTo(message, 20);
        return message;
    }
}
