using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>
/// Connects over Multipath TCP: by name, as Happy Eyeballs does it (RFC 8305), or by address. Each attempt has a fresh socket.
/// </summary>
public static class MptcpConnector
{
    private static readonly MptcpConnectOptions s_defaults = new();

    /// <summary>Connects to a host by its name or address.</summary>
    /// <param name="host">The name, resolved once; or an address as text.</param>
    /// <param name="port">The port.</param>
    /// <param name="options">Null is the defaults.</param>
    /// <param name="cancellationToken">Ends the attempts and closes their sockets.</param>
    /// <returns>The socket, and what happened.</returns>
    /// <exception cref="MptcpConnectException">
    /// The name was not resolved, no address accepted the connection, or <see cref="MptcpConnectOptions.ConnectTimeout"/> was over.
    /// </exception>
    /// <exception cref="PlatformNotSupportedException">
    /// <see cref="MptcpMode.Required"/>, and this host can't do Multipath TCP; the message says why and what to do.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <remarks>
    /// <para>
    /// The families of the addresses alternate, beginning with the resolver's first; the next address is tried when an attempt failed,
    /// or has not succeeded within <see cref="MptcpConnectOptions.AttemptDelay"/>; the first to connect wins, and the others are closed.
    /// At most <see cref="MptcpConnectOptions.MaxAddresses"/> are tried.
    /// </para>
    /// <para>
    /// TCP is used only when the host can't open MPTCP sockets, never because a connect failed. IPv4 addresses are connected to from a
    /// dual-stack socket where the host has IPv6, so that the connection can gain IPv6 subflows too.
    /// </para>
    /// </remarks>
    public static Task<MptcpConnectResult> ConnectAsync(
        string host, int port, MptcpConnectOptions? options = null, CancellationToken cancellationToken = default) =>
        ConnectAsync(new DnsEndPoint(host, port), options, cancellationToken);

    /// <summary>Connects to an endpoint.</summary>
    /// <param name="endPoint">An <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/>, whose family limits the addresses when it has one.</param>
    /// <param name="options">Null is the defaults.</param>
    /// <param name="cancellationToken">Ends the attempts and closes their sockets.</param>
    /// <returns>The socket, and what happened.</returns>
    /// <exception cref="ArgumentException">The endpoint is of another kind.</exception>
    /// <inheritdoc cref="ConnectAsync(string, int, MptcpConnectOptions?, CancellationToken)" path="/exception"/>
    public static async Task<MptcpConnectResult> ConnectAsync(
        EndPoint endPoint, MptcpConnectOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        options ??= s_defaults;
        using var timeout = ConnectTimeout.Start(options.ConnectTimeout, cancellationToken);
        var addresses = await ResolveAsync(endPoint, options, timeout).ConfigureAwait(false);
        var leftOut = Math.Max(0, addresses.Length - options.MaxAddresses);
        var result = await new AddressRace(endPoint, leftOut == 0 ? addresses : addresses[..^leftOut], leftOut, options, timeout).RunAsync().ConfigureAwait(false);
        ConnectMetrics.Count(result.Connection);
        return result;
    }

    private static async ValueTask<IPEndPoint[]> ResolveAsync(EndPoint endPoint, MptcpConnectOptions options, ConnectTimeout timeout)
    {
        switch (endPoint)
        {
            case IPEndPoint ip:
                return [ip];

            case DnsEndPoint dns when IPAddress.TryParse(dns.Host, out var address):
                return dns.AddressFamily == AddressFamily.Unspecified || dns.AddressFamily == address.AddressFamily
                    ? [new IPEndPoint(address, dns.Port)]
                    : throw new MptcpConnectException(SocketError.NoData, $"{ConnectFailure.Escape(dns.Host)} is not an address of the family {dns.AddressFamily}.", []);

            case DnsEndPoint dns:
                IPAddress[] addresses;
                try
                {
                    // The system's resolver takes no notice of cancellation once it has asked.
                    addresses = await (options.Resolver ?? Dns.GetHostAddressesAsync)(dns.Host, dns.AddressFamily, timeout.Token)
                        .WaitAsync(timeout.Token).ConfigureAwait(false);
                }
                catch (SocketException e)
                {
                    throw new MptcpConnectException(e.SocketErrorCode, $"Could not resolve {ConnectFailure.Escape(dns.Host)}: {ConnectFailure.Escape(e.Message)}", []);
                }
                catch (OperationCanceledException) when (timeout.Token.IsCancellationRequested)
                {
                    timeout.ThrowIfCancelledByCaller();
                    throw new MptcpConnectException(SocketError.TimedOut, $"Could not resolve {ConnectFailure.Escape(dns.Host)} within {options.ConnectTimeout}.", []);
                }

                return addresses.Length > 0
                    ? [.. Interleave(addresses).Select(address => new IPEndPoint(address, dns.Port))]
                    : throw new MptcpConnectException(SocketError.NoData, $"Could not resolve {ConnectFailure.Escape(dns.Host)}: it has no address.", []);

            default:
                throw new ArgumentException($"{endPoint.GetType()} is neither an IPEndPoint nor a DnsEndPoint.", nameof(endPoint));
        }
    }

    /// <summary>
    /// The families in turn, beginning with that of the first address, and within a family in the order given (RFC 8305 section 4): when one
    /// family leads nowhere, the second attempt is of the other.
    /// </summary>
    internal static IEnumerable<IPAddress> Interleave(IPAddress[] addresses)
    {
        var families = addresses.GroupBy(address => address.AddressFamily).Select(family => family.ToArray()).ToArray();
        for (var i = 0; i < families.Max(family => family.Length); i++)
        {
            foreach (var family in families)
            {
                if (i < family.Length)
                {
                    yield return family[i];
                }
            }
        }
    }
}
