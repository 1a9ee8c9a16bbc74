using System.Net;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>
/// An address for <c>KestrelServerOptions.Listen</c> with settings of its own:
/// <c>options.Listen(new MptcpEndPoint(IPAddress.Any, 8443) { Mode = MptcpMode.Required })</c>.
/// </summary>
/// <remarks>The settings are those of <c>UseMptcp</c>: without it Kestrel takes this for an address like any other.</remarks>
public sealed class MptcpEndPoint : IPEndPoint
{
    /// <summary>Creates an endpoint.</summary>
    /// <param name="address">The local address; <see cref="IPAddress.IPv6Any"/> takes IPv4 connections too.</param>
    /// <param name="port">The local port, 0 for one that the system chooses.</param>
    public MptcpEndPoint(IPAddress address, int port)
        : base(address, port)
    {
    }

    /// <summary>Overrides <see cref="MptcpTransportOptions.Mode"/> for this endpoint. Defaults to null: no override.</summary>
    public MptcpMode? Mode { get; init; }

    /// <summary>Overrides <see cref="MptcpTransportOptions.Fallback"/> for this endpoint. Defaults to null: no override.</summary>
    public MptcpFallback? Fallback { get; init; }
}
