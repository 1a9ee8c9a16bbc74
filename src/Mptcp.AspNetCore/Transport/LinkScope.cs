using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The interface of a link-local IPv6 address (RFC 4007). The kernel loses it of MPTCP sockets: getsockname and getpeername report 0.</summary>
internal readonly struct LinkScope
{
    private readonly long _id;

    /// <param name="endPoint">The address to listen on. The peers of a link-local one are on the same link.</param>
    public LinkScope(EndPoint endPoint) =>
        _id = endPoint is IPEndPoint { Address: { IsIPv6LinkLocal: true, ScopeId: var id } } ? id : 0;

    /// <summary>Adds the scope to both addresses of a connection.</summary>
    public void Add(ConnectionContext connection)
    {
        if (_id != 0)
        {
            connection.LocalEndPoint = AddTo(connection.LocalEndPoint!);
            connection.RemoteEndPoint = AddTo(connection.RemoteEndPoint!);
        }
    }

    /// <returns>The address with the scope, where it is a link-local one without.</returns>
    public EndPoint AddTo(EndPoint endPoint) => _id != 0 && endPoint is IPEndPoint { Address: { IsIPv6LinkLocal: true, ScopeId: 0 } address, Port: var port }
        ? new IPEndPoint(new IPAddress(address.GetAddressBytes(), _id), port)
        : endPoint;
}
