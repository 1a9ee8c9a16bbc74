using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mptcp.Sockets.Interop;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>Figures as text and as JSON: useful, and without what opens further subflows.</summary>
public sealed partial class TextTests
{
    private const uint Token = 3_141_592_653;
    private const ulong Sequence = 11_235_813_213_455_890_144;

    private static readonly NativeMptcpInfo s_native = new()
    {
        mptcpi_subflows = 1,
        mptcpi_subflows_total = 2,
        mptcpi_flags = LinuxConstants.MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED,
        mptcpi_token = Token,
        mptcpi_write_seq = Sequence,
        mptcpi_snd_una = Sequence + 1,
        mptcpi_rcv_nxt = Sequence + 2,
        mptcpi_bytes_sent = 1500,
        mptcpi_bytes_retrans = 7,
        mptcpi_bytes_received = 3000,
    };

    private static readonly MptcpReading s_reading = new(MptcpStatus.Active, s_native, NativeMptcpInfo.SizeLinux6_10, errno: 0);
    private static readonly MptcpPathEvent s_event = new() { Kind = MptcpPathEventKind.ConnectionCreated, Token = Token, LocalAddressId = 1 };

    public static TheoryData<string> Json =>
    [
        JsonSerializer.Serialize(s_reading.Info),
        JsonSerializer.Serialize(s_reading),
        JsonSerializer.Serialize(s_event),
        JsonSerializer.Serialize(s_reading, Generated.Default.MptcpReading),
        JsonSerializer.Serialize(s_reading.Info!.Value, Generated.Default.MptcpInfo),
        JsonSerializer.Serialize(s_event, Generated.Default.MptcpPathEvent),
    ];

    [Theory]
    [MemberData(nameof(Json))]
    public void Serialize_Json_HasFiguresAndNoTokenOrSequenceNumber(string json)
    {
        Assert.Matches("\"(BytesSent\":1500|LocalAddressId\":1)", json);
        AssertHidesSecrets(json);
    }

    [Theory]
    [InlineData(48, "2 subflows")]
    [InlineData(96, "2 subflows, 1500 bytes sent, 7 retransmitted, 3000 received")]
    public void ToString_Info_FiguresOnOneLine(int length, string expected)
    {
        var text = new MptcpInfo(s_native, length).ToString();
        Assert.Equal(expected, text);
        AssertHidesSecrets(text);
    }

    [Fact]
    public void ToString_InfoOfOneSubflow_IsSingular() => Assert.Equal("1 subflow", new MptcpInfo(default, NativeMptcpInfo.SizeLinux5_16).ToString());

    [Fact]
    public void ToString_SubflowList_AddressesOrTheReason()
    {
        var (a, b) = (Subflow("192.0.2.1:443", "198.51.100.9:51544"), Subflow("[2001:db8::1]:443", "[2001:db8::2]:1000"));
        Assert.Equal("1 subflow: 192.0.2.1:443 → 198.51.100.9:51544", List(a).ToString());
        Assert.Equal("2 subflows: 192.0.2.1:443 → 198.51.100.9:51544, [2001:db8::1]:443 → [2001:db8::2]:1000", List(a, b).ToString());
        Assert.Equal("no subflows: the reason", List().ToString());
        AssertHidesSecrets(List(a).ToString());

        static MptcpSubflow Subflow(string local, string remote) => new(1, IPEndPoint.Parse(local), IPEndPoint.Parse(remote), default);

        static MptcpSubflowList List(params MptcpSubflow[] subflows) => new(s_reading, subflows, subflows.Length == 0 ? "the reason" : null);
    }

    [Fact]
    public void ToString_LiveConnection_HasNoToken()
    {
        Requires.Mptcp();
        using var connection = Connection.Establish();
        connection.AssertEchoes(1000);
        Assert.True(MptcpSocket.TryGetInfo(connection.Client, out var info));
        foreach (var text in new[] { $"{info}", $"{MptcpSocket.GetSubflows(connection.Client)}", JsonSerializer.Serialize(info) })
        {
            Assert.DoesNotContain($"{info.Token}", text);
            Assert.DoesNotContain($"{info.WriteSequence}", text);
            Assert.DoesNotContain('\n', text);
        }
    }

    private static void AssertHidesSecrets(string text)
    {
        Assert.DoesNotContain("token", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain($"{Token}", text);
        Assert.DoesNotContain($"{Sequence}"[..^1], text);
    }

    [JsonSerializable(typeof(MptcpReading))]
    [JsonSerializable(typeof(MptcpInfo))]
    [JsonSerializable(typeof(MptcpPathEvent))]
    private sealed partial class Generated : JsonSerializerContext;
}
