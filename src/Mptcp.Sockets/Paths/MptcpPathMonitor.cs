using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Mptcp.Sockets.Interop;
using Mptcp.Sockets.Paths;

namespace Mptcp.Sockets;

/// <summary>
/// Tells what happens to the paths of the host's MPTCP connections: the events of the kernel's path manager, by way of generic
/// netlink (family <c>mptcp_pm</c>, multicast group <c>mptcp_pm_events</c>, <c>linux/mptcp.h</c>, Linux 5.12).
/// </summary>
/// <remarks>
/// <para>
/// It belongs to the network namespace of the thread that opens it, and tells of all MPTCP connections there, also those of
/// other processes: compare <see cref="MptcpPathEvent.Token"/> with <see cref="MptcpInfo.Token"/>. A server hears of a
/// connection before <c>accept</c> returns it. The kernel tells nothing of plain TCP connections, and nothing when a connection
/// falls back to TCP.
/// </para>
/// <para>
/// Events wait in the kernel, in a buffer of a fixed size, until they are read: there is no thread and no queue here. When they
/// come faster than they are read the kernel drops the newest, and a <see cref="MptcpPathEventKind.EventsLost"/> tells so, after
/// the last event before the gap.
/// </para>
/// </remarks>
public sealed class MptcpPathMonitor : IDisposable
{
    /// <summary>Some 10,000 events: the kernel doubles it, and charges about 0.8 KB for an event. It costs memory for what is in it only.</summary>
    private const int ReceiveBufferSize = 4 << 20;

    /// <summary>No message costs the buffer less: the kernel's own bookkeeping of one is larger.</summary>
    private const int SmallestCharge = 512;

    private readonly Socket _socket;
    private readonly ushort _family;
    private readonly int _mostInBuffer;
    private readonly byte[] _datagram = new byte[GenericNetlink.DatagramSize];
    private readonly Queue<MptcpPathEvent> _events = new();
    private long _malformedMessages;
    private int _isReading;
    private bool _hasGap;
    private int _readSinceGap;
    private volatile bool _isDisposed;

    private MptcpPathMonitor(Socket socket, ushort family)
    {
        _socket = socket;
        _family = family;
        _mostInBuffer = socket.ReceiveBufferSize / SmallestCharge;
    }

    /// <summary>Messages of the kernel that were malformed or truncated, and skipped. 0 unless the kernel has a fault.</summary>
    public long MalformedMessages => Interlocked.Read(ref _malformedMessages);

    /// <summary>Begins to listen. Events from now on can be read, also when the reading begins later.</summary>
    /// <returns>The monitor. Dispose it to stop listening.</returns>
    /// <exception cref="PlatformNotSupportedException">
    /// Path events can't be had: most often the process lacks CAP_NET_ADMIN. The message says why and what to do.
    /// </exception>
    /// <exception cref="SocketException">No socket of any kind can be opened: no descriptors or memory left.</exception>
    public static MptcpPathMonitor Open() =>
        TryOpen(out var monitor, out var support) ? monitor : throw new PlatformNotSupportedException(support.ToString());

    /// <summary>Begins to listen where the host and the privileges of the process allow it.</summary>
    /// <param name="monitor">The monitor, or null.</param>
    /// <param name="support">The reason and the remedy when there is none.</param>
    /// <returns>Whether there is a monitor.</returns>
    /// <exception cref="SocketException">As for <see cref="Open"/>.</exception>
    public static bool TryOpen([NotNullWhen(true)] out MptcpPathMonitor? monitor, out MptcpSupport support) =>
        TryOpen(NetlinkConstants.MPTCP_PM_NAME, NetlinkConstants.MPTCP_PM_EV_GRP_NAME, ReceiveBufferSize, out monitor, out support);

    internal static bool TryOpen(
        string family, string group, int receiveBufferSize, [NotNullWhen(true)] out MptcpPathMonitor? monitor, out MptcpSupport support)
    {
        monitor = null;
        if (!OperatingSystem.IsLinux())
        {
            support = PathMonitorSupport.NotLinux;
            return false;
        }

        var errno = GenericNetlink.Open(out var handle);
        if (errno != 0)
        {
            support = PathMonitorSupport.ExplainOpen(errno);
            return false;
        }

        Socket? socket = null;
        try
        {
            socket = new Socket(handle!) { Blocking = false };
            support = Join(socket, family, group, receiveBufferSize, out var familyId);
            monitor = support.IsSupported ? new MptcpPathMonitor(socket, familyId) : null;
            return monitor is not null;
        }
        catch (SocketException e) when (e.SocketErrorCode is not (SocketError.NoBufferSpaceAvailable or SocketError.TooManyOpenSockets))
        {
            support = PathMonitorSupport.ExplainFailure(e);
            return false;
        }
        finally
        {
            if (monitor is null)
            {
                socket?.Dispose();
                handle!.Dispose();
            }
        }
    }

    /// <summary>Reads the events, in the order in which they happened, and waits for more until it is cancelled.</summary>
    /// <param name="cancellationToken">Ends the waiting. No event is lost by it: the next reading goes on from there.</param>
    /// <returns>
    /// The events, without an end of their own; the sequence ends when the monitor is disposed. It can be enumerated again, but
    /// not twice at a time.
    /// </returns>
    /// <exception cref="OperationCanceledException">The waiting was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The events are being read by another enumeration.</exception>
    /// <exception cref="SocketException">Reading from the kernel failed.</exception>
    public async IAsyncEnumerable<MptcpPathEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isReading, 1) != 0)
        {
            throw new InvalidOperationException("The events are already being read: one enumeration at a time.");
        }

        try
        {
            do
            {
                while (_events.TryDequeue(out var pathEvent))
                {
                    yield return pathEvent;
                }
            }
            while (await ReceiveAsync(cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            Volatile.Write(ref _isReading, 0);
        }
    }

    /// <summary>Stops listening and ends a reading that waits. Safe to call twice and from any thread.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _socket.Dispose();
    }

    private static MptcpSupport Join(Socket socket, string family, string group, int receiveBufferSize, out ushort familyId)
    {
        GenericNetlink.Resolve(socket, family, group, out var foundFamily, out var foundGroup);
        familyId = foundFamily ?? 0;
        if (foundFamily is null)
        {
            return PathMonitorSupport.NoFamily;
        }

        if (foundGroup is null)
        {
            return PathMonitorSupport.NoEvents;
        }

        // Beyond net.core.rmem_max with the capability that the group needs too. A smaller buffer than wished is no failure.
        if (LibC.SetSocketOption(socket.SafeHandle, LinuxConstants.SOL_SOCKET, NetlinkConstants.SO_RCVBUFFORCE, receiveBufferSize) != 0)
        {
            LibC.SetSocketOption(socket.SafeHandle, LinuxConstants.SOL_SOCKET, NetlinkConstants.SO_RCVBUF, receiveBufferSize);
        }

        var errno = LibC.SetSocketOption(
            socket.SafeHandle, NetlinkConstants.SOL_NETLINK, NetlinkConstants.NETLINK_ADD_MEMBERSHIP, (int)foundGroup);
        return errno == 0 ? PathMonitorSupport.Supported : PathMonitorSupport.ExplainJoin(errno);
    }

    /// <summary>Takes in one datagram, or the news that some were lost. False when the monitor was disposed.</summary>
    private async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            if (_hasGap)
            {
                TakeBeforeGap();
            }
            else
            {
                Take(await _socket.ReceiveAsync(_datagram, SocketFlags.None, cancellationToken).ConfigureAwait(false));
            }

            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            BeginGap();
            return true;
        }
        catch (Exception e) when (_isDisposed && e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private void Take(int length)
    {
        var malformed = PathEventParser.Parse(_datagram.AsSpan(0, length), _family, _events);
        Interlocked.Add(ref _malformedMessages, malformed);
    }

    /// <summary>
    /// The kernel says ENOBUFS before it hands out the events that came before the loss, and accepts no new ones until they are
    /// read: the gap is where the buffer is empty. Told any earlier, those who read the state anew would then apply old events to
    /// it; told a little later, what they read contains a few of the events before.
    /// </summary>
    private void BeginGap()
    {
        if (_hasGap)
        {
            EndGap();
        }

        _hasGap = true;
        _readSinceGap = 0;
    }

    private void TakeBeforeGap()
    {
        var length = _socket.Receive(_datagram, SocketFlags.None, out var error);
        switch (error)
        {
            case SocketError.Success:
                Take(length);

                // Where new ones come as fast as they are read the buffer may never be seen empty.
                if (++_readSinceGap > _mostInBuffer)
                {
                    EndGap();
                }

                break;

            case SocketError.WouldBlock:
                EndGap();
                break;

            default:
                throw new SocketException((int)error);
        }
    }

    private void EndGap()
    {
        _hasGap = false;
        _events.Enqueue(new MptcpPathEvent { Kind = MptcpPathEventKind.EventsLost });
    }
}
