using System.Net;
using System.Net.Sockets;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

internal static class Ports
{
    // Below the range from which the kernel takes ports for clients and for port 0, which other tests use up in hundreds.
    private const int First = 20_000;
    private const int Count = 12_000;

    private static int s_next = Environment.ProcessId % Count;

    /// <summary>Ports that are free on all addresses, each another one.</summary>
    public static int[] Free(int count)
    {
        var ports = new List<int>();
        while (ports.Count < count)
        {
            var port = First + (Interlocked.Increment(ref s_next) % Count);
            try
            {
                using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
                socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
                ports.Add(port);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Somebody's; the next one.
            }
        }

        return [.. ports];
    }
}
