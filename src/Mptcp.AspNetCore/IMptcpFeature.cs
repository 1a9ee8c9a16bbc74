using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>
/// What is known about the connection that carries the current request. Get it with
/// <c>HttpContext.Features.Get&lt;IMptcpFeature&gt;()</c>, or from <c>ConnectionContext.Features</c> in connection middleware.
/// </summary>
/// <remarks>
/// Absent where the connection is not a TCP connection of Kestrel's: HTTP/3, unix sockets, TestServer. The members never throw,
/// also on a closed connection, and may be called from several requests at once.
/// </remarks>
public interface IMptcpFeature
{
    /// <summary>
    /// Which protocol the connection speaks, and why. No system call is made before the first read, and at most two in a
    /// second afterwards: <see cref="MptcpStatus.Active"/> is asked again when it is older than a second, for such a connection
    /// can still fall back; the other answers are kept. After the connection is closed: the last answer, or
    /// <see cref="MptcpStatus.Unknown"/>.
    /// </summary>
    MptcpStatus Status { get; }

    /// <summary>Reads the connection's figures from the kernel (Linux 5.16), at every call.</summary>
    /// <param name="info">The figures, when there are any.</param>
    /// <returns>False when the connection does not speak Multipath TCP, or is closed.</returns>
    bool TryGetInfo(out MptcpInfo info);

    /// <summary>Reads the subflows of the connection from the kernel (Linux 5.16), at every call.</summary>
    /// <returns>
    /// The subflows; none when the connection does not speak Multipath TCP, is closed, or the kernel can't tell. Of Kestrel's
    /// connections it is an <see cref="MptcpSubflowList"/>, which says why there are none.
    /// </returns>
    IReadOnlyList<MptcpSubflow> GetSubflows();
}
