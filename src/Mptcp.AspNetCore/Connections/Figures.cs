using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>What the metrics count of a connection. Bytes, and a number of subflows.</summary>
internal sealed record Figures(long Sent, long Received, long Retransmitted, int Subflows)
{
    public static readonly Figures None = new(0, 0, 0, 0);

    /// <summary>Stands for a connection that is not counted any more. Compare references only.</summary>
    public static readonly Figures Closed = new(0, 0, 0, 0);

    /// <summary>Kernels before 6.5 count no bytes.</summary>
    public static Figures Of(in MptcpInfo info) =>
        new(info.BytesSent ?? 0, info.BytesReceived ?? 0, info.BytesRetransmitted ?? 0, info.Subflows);

    public Figures Since(Figures before) => new(
        Sent - before.Sent, Received - before.Received, Retransmitted - before.Retransmitted, Subflows - before.Subflows);
}
