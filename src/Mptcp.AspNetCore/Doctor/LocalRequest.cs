using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>
/// Decides whether a request comes from this machine: from a loopback address or over a unix socket, and to a loopback host name. The name
/// keeps pages of other sites out whose name was bound to a loopback address (DNS rebinding).
/// </summary>
internal static class LocalRequest
{
    /// <summary>
    /// Headers of proxies, and those that the forwarded headers middleware leaves when it changes address or host of the request. A proxy or a
    /// tunnel on this machine has a loopback address, and its clients have others.
    /// </summary>
    private static readonly string[] s_forwarding = ["X-Forwarded-For", "X-Forwarded-Host", "X-Original-For", "X-Original-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"];

    /// <returns>The reason why the request is not from this machine, or why this is not certain; <c>null</c> when it is.</returns>
    public static string? WhyNot(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        var socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;
        var isUnixSocket = socket?.AddressFamily == AddressFamily.Unix;
        if (!isUnixSocket && address is null)
        {
            return "the address of the peer is not known";
        }

        // Middleware can change the address of the connection, but not that of its socket. Servers other than Kestrel show no socket.
        if (!isUnixSocket && (!IsLoopback(address!) || (socket is not null && !IsLoopback(socket))))
        {
            return "the peer is not on this machine";
        }

        if (s_forwarding.Any(context.Request.Headers.ContainsKey) || (isUnixSocket && address is not null))
        {
            return "a proxy forwarded the request";
        }

        return IsLoopback(context.Request.Host) ? null : "the host name of the request is not a loopback name";
    }

    private static bool IsLoopback(HostString host) =>
        host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.Host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Host, out var address) && IsLoopback(address));

    private static bool IsLoopback(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint is IPEndPoint peer && IsLoopback(peer.Address);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The connection has ended: there is no peer to answer.
            return false;
        }
    }

    private static bool IsLoopback(IPAddress address) =>
        IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
}
