using System.Net;
using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>How <see cref="MptcpConnector"/> connects.</summary>
public sealed class MptcpConnectOptions
{
    private TimeSpan _attemptDelay = TimeSpan.FromMilliseconds(250);
    private TimeSpan _connectTimeout = Timeout.InfiniteTimeSpan;
    private int _maxAddresses = 16;

    /// <summary>Creates the options with their defaults.</summary>
    public MptcpConnectOptions()
    {
    }

    /// <summary>Copies options.</summary>
    /// <param name="other">What to copy.</param>
    public MptcpConnectOptions(MptcpConnectOptions other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Mode = other.Mode;
        _attemptDelay = other._attemptDelay;
        _connectTimeout = other._connectTimeout;
        _maxAddresses = other._maxAddresses;
        NoDelay = other.NoDelay;
        ConfigureSocket = other.ConfigureSocket;
        Resolver = other.Resolver;
        AttemptCompleted = other.AttemptCompleted;
        TrackResponses = other.TrackResponses;
    }

    /// <summary>
    /// Whether to connect over Multipath TCP. Defaults to <see cref="MptcpMode.Preferred"/>: over TCP where this host can't do it,
    /// and the result says why. What the peer speaks is not known before it is asked: a connection to a peer without Multipath TCP
    /// is there in every mode, and its status is <see cref="MptcpStatus.FellBack"/>.
    /// </summary>
    public MptcpMode Mode { get; set; }

    /// <summary>
    /// How long an attempt to connect has to itself before the next address is tried beside it (RFC 8305 section 5). Defaults to 250
    /// ms; at least 10 ms, or <see cref="Timeout.InfiniteTimeSpan"/> to try the next only when one has failed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 10 ms, more than 24 days, and not infinite.</exception>
    public TimeSpan AttemptDelay
    {
        get => _attemptDelay;
        set => _attemptDelay = Check(value, TimeSpan.FromMilliseconds(10));
    }

    /// <summary>
    /// How long it may take to resolve the name and to connect, with all addresses together. Defaults to
    /// <see cref="Timeout.InfiniteTimeSpan"/>: as long as the system tries.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive, more than 24 days, and not infinite.</exception>
    public TimeSpan ConnectTimeout
    {
        get => _connectTimeout;
        set => _connectTimeout = Check(value, TimeSpan.FromTicks(1));
    }

    /// <summary>
    /// How many addresses of a name are tried at most, after the families were interleaved (RFC 8305 section 4). Defaults to 16. Each address
    /// that does not answer holds a socket until the connect ends, so a name with thousands of them would hold hundreds.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int MaxAddresses
    {
        get => _maxAddresses;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            _maxAddresses = value;
        }
    }

    /// <summary>
    /// Whether small writes are sent at once (TCP_NODELAY). Defaults to true, as <see cref="System.Net.Http.SocketsHttpHandler"/> has
    /// it. Kernels before 5.17 refuse it on Multipath TCP sockets, which then go without it.
    /// </summary>
    public bool NoDelay { get; set; } = true;

    /// <summary>
    /// Called with each fresh socket before it connects, for options such as keep-alive or a local address to bind. Defaults to null.
    /// A <see cref="SocketException"/> of it is the failure of that address, and the next one is tried; what else it throws ends the
    /// connect. Don't set the sizes of the buffers: that ends the aggregation of paths.
    /// </summary>
    public Action<Socket>? ConfigureSocket { get; set; }

    /// <summary>
    /// Resolves names, once a connect: takes the name and the family that is asked for (<see cref="AddressFamily.Unspecified"/> for
    /// both), returns the addresses in the order of preference. Defaults to null: the system's resolver.
    /// </summary>
    public Func<string, AddressFamily, CancellationToken, Task<IPAddress[]>>? Resolver { get; set; }

    /// <summary>
    /// Called when an attempt to connect to an address has ended, with or without success. Defaults to null. It observes: an exception that it
    /// throws is ignored, and changes neither the outcome of the attempt nor that of the connect.
    /// </summary>
    public Action<MptcpConnectAttempt>? AttemptCompleted { get; set; }

    /// <summary>
    /// Whether the responses of an HttpClient know their connection: <c>response.GetMptcpStatus()</c> and <c>GetMptcpConnection()</c>. Defaults
    /// to true. Set it to false in an application that never asks: a request then costs what it costs with a plain
    /// <see cref="System.Net.Http.SocketsHttpHandler"/> whose ConnectCallback connects, and every status is
    /// <see cref="MptcpStatus.Unknown"/>. Used by <c>UseMptcp</c> only.
    /// </summary>
    public bool TrackResponses { get; set; } = true;

    private static TimeSpan Check(TimeSpan value, TimeSpan least)
    {
        if (value != Timeout.InfiniteTimeSpan)
        {
            // What timers take.
            ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromMilliseconds(int.MaxValue));
        }

        return value;
    }
}
