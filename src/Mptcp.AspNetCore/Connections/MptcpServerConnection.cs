using System.Net;
using Microsoft.AspNetCore.Connections;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>One live connection of Kestrel's.</summary>
public sealed class MptcpServerConnection
{
    private readonly ConnectionContext _connection;
    private readonly MptcpConnectionFeature _feature;

    internal MptcpServerConnection(ConnectionContext connection, MptcpConnectionFeature feature, DateTimeOffset since)
    {
        _connection = connection;
        _feature = feature;
        Since = since;
    }

    /// <summary>Kestrel's connection id, as in its logs.</summary>
    public string Id => _connection.ConnectionId;

    /// <summary>The address of this end when the connection was accepted.</summary>
    public EndPoint? LocalEndPoint => _connection.LocalEndPoint;

    /// <summary>The address of the peer when the connection was accepted; the paths can have others by now.</summary>
    public EndPoint? RemoteEndPoint => _connection.RemoteEndPoint;

    /// <summary>When it was accepted.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>What is known of it: status, figures, subflows. Asked when read.</summary>
    public IMptcpFeature Mptcp => _feature;

    /// <summary>
    /// How many subflows it has; null when it is not <see cref="MptcpStatus.Active"/>, or the kernel can't tell. As good as
    /// <see cref="IMptcpFeature.Status"/>: at most a second old.
    /// </summary>
    public int? SubflowCount => _feature.Subflows;
}
