using System.Net;
using System.Net.Sockets;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

internal static class Ports
{
    /// <summary>Ports that are free on all addresses, each another one.</summary>
    public static int[] Free(int count)
    {
        var sockets = Enumerable.Range(0, count).Select(_ =>
        {
            var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
            return socket;
        }).ToArray();
        var ports = sockets.Select(socket => ((IPEndPoint)socket.LocalEndPoint!).Port).ToArray();
        foreach (var socket in sockets)
        {
            socket.Dispose();
        }

        return ports;
    }
}
