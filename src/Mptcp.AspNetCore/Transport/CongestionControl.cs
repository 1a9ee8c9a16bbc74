using System.Net.Sockets;
using System.Text;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The congestion control of a socket (<c>TCP_CONGESTION</c>, Linux 2.6.13).</summary>
internal static class CongestionControl
{
    // <linux/tcp.h>
    private const int SOL_TCP = 6;
    private const int TCP_CONGESTION = 13;

    /// <summary>Sets it on a listening socket: accepted connections and their subflows inherit it.</summary>
    /// <exception cref="SocketException">The kernel does not have it, or does not allow it.</exception>
    public static void Set(Socket socket, string name) => socket.SetRawSocketOption(SOL_TCP, TCP_CONGESTION, Encoding.ASCII.GetBytes(name));

    /// <summary>Asks the kernel with a socket made for this. On other systems than Linux it is not set, and anything is allowed.</summary>
    /// <exception cref="SocketException">No socket can be opened.</exception>
    public static bool IsAllowed(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            Set(socket, name);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public static string DescribeKernel()
    {
        try
        {
            var available = File.ReadAllText("/proc/sys/net/ipv4/tcp_available_congestion_control").Trim();
            var allowed = File.ReadAllText("/proc/sys/net/ipv4/tcp_allowed_congestion_control").Trim();
            return $"this kernel has {available} (allowed without privileges: {allowed})";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Network namespaces other than the first one show only the allowed ones, very old kernels none.
            return "sysctl net.ipv4.tcp_allowed_congestion_control shows the names that this kernel allows";
        }
    }
}
