using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Serialization;

namespace Mptcp.Sockets;

/// <summary>
/// One event of the kernel's path manager (<c>linux/mptcp.h</c>, generic netlink family <c>mptcp_pm</c>, Linux 5.12). What the
/// kernel did not tell is null; which event has what is said at <see cref="MptcpPathEventKind"/> and at the properties.
/// </summary>
public sealed record MptcpPathEvent
{
    /// <summary>What happened.</summary>
    public required MptcpPathEventKind Kind { get; init; }

    /// <summary>
    /// The token that names the connection on this host: the <see cref="MptcpInfo.Token"/> of its socket. Null only for
    /// <see cref="MptcpPathEventKind.EventsLost"/>. It lets its reader open further subflows: do not show it to others.
    /// System.Text.Json leaves it out.
    /// </summary>
    [JsonIgnore]
    public uint? Token { get; init; }

    /// <summary>
    /// The local end of the connection or subflow. Null for <see cref="MptcpPathEventKind.ConnectionClosed"/>,
    /// <see cref="MptcpPathEventKind.AddressAnnounced"/> and <see cref="MptcpPathEventKind.AddressRemoved"/>.
    /// </summary>
    /// <remarks>An IPv4 address of a dual-stack connection is an IPv4 address, not one mapped into IPv6.</remarks>
    public IPEndPoint? LocalEndPoint { get; init; }

    /// <summary>
    /// The remote end of the connection or subflow, or the address that the peer announced; its port is that of the connection
    /// when the peer announced none. Null for <see cref="MptcpPathEventKind.ConnectionClosed"/> and
    /// <see cref="MptcpPathEventKind.AddressRemoved"/>.
    /// </summary>
    public IPEndPoint? RemoteEndPoint { get; init; }

    /// <summary>The number of the local address within the connection; 0 is the initial one.</summary>
    public int? LocalAddressId { get; init; }

    /// <summary>The number of the remote address within the connection; 0 is the initial one.</summary>
    public int? RemoteAddressId { get; init; }

    /// <summary>
    /// Whether the peer wants the subflow used only when no other is left. Told with the subflow events. What this host asks of
    /// its peer is not told.
    /// </summary>
    public bool? IsBackup { get; init; }

    /// <summary>The interface that the subflow is bound to, as <c>ip link</c> numbers them; null for a subflow that is not bound to one.</summary>
    public int? InterfaceIndex { get; init; }

    /// <summary>The errno with which the subflow failed while its connection went on, or null.</summary>
    public int? Errno { get; init; }

    /// <summary>The system's text for <see cref="Errno"/> (<c>strerror</c>), or null.</summary>
    public string? Error => Errno is { } errno ? Marshal.GetPInvokeErrorMessage(errno) : null;

    /// <summary>Why the peer reset the subflow; null for a subflow that ended without a reset, or with one that gives no reason (MP_TCPRST).</summary>
    public MptcpResetReason? ResetReason { get; init; }

    /// <summary>Whether the peer called the reason of its reset transient: the path may be tried again later.</summary>
    public bool? IsResetTransient { get; init; }

    /// <summary>
    /// Whether this host accepted the connection. Told with <see cref="MptcpPathEventKind.ConnectionCreated"/> and
    /// <see cref="MptcpPathEventKind.ConnectionEstablished"/>: true and false where the kernel says both, true or null where it
    /// marks accepted connections only (seen on Linux 6.18), null before Linux 5.17.
    /// </summary>
    public bool? IsServerSide { get; init; }

    /// <summary>The event for people and logs. The token is left out.</summary>
    /// <returns>One line.</returns>
    public override string ToString()
    {
        var text = new StringBuilder(Kind.ToString());
        var separator = " ";
        Append("local", LocalEndPoint);
        Append("remote", RemoteEndPoint);
        Append("local id", LocalAddressId);
        Append("remote id", RemoteAddressId);
        Append("interface", InterfaceIndex);
        Append("backup", IsBackup == true ? "yes" : null);
        Append("error", Error);
        Append("reset", ResetReason);
        return text.ToString();

        void Append(string name, object? value)
        {
            if (value is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $"{separator}{name} {value}");
                separator = ", ";
            }
        }
    }
}
