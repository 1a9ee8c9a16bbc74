using System.Net.Sockets;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Tests;

/// <summary>Compares every way to ask with the expected answer.</summary>
internal static class Rungs
{
    public static void AssertAll(MptcpStatus expected, Socket socket)
    {
        Assert.Equal(expected, MptcpSocket.GetStatus(socket));
        Assert.Equal(expected, MptcpSocket.Read(socket).Status);

        var isActive = expected == MptcpStatus.Active;
        var descriptor = (int)socket.Handle;
        Assert.Equal(isActive, StatusLadder.AskTcpIsMptcp(descriptor, isConnected: true, out var errno) == MptcpStatus.Active);
        Assert.Equal(0, errno);

        // Imitated kernels may lack it.
        if (StatusLadder.HasMptcpInfo())
        {
            Assert.Equal(isActive, StatusLadder.AskMptcpInfo(descriptor, out _, out _, out errno) == MptcpStatus.Active);
            Assert.Equal(0, errno);
            Assert.Equal(isActive, MptcpSocket.TryGetInfo(socket, out _));
        }

        // SO_PROTOCOL is right where it says TCP; MPTCP it says of connections that fell back as well.
        Assert.Equal(0, LibC.GetSocketOption(descriptor, LinuxConstants.SOL_SOCKET, LinuxConstants.SO_PROTOCOL, out var protocol));
        Assert.Equal(
            expected is MptcpStatus.Active or MptcpStatus.FellBack ? LinuxConstants.IPPROTO_MPTCP : LinuxConstants.IPPROTO_TCP, protocol);
    }
}
