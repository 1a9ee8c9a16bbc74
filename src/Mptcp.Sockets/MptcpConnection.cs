using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>
/// What is known about one connection: asks the kernel when read, and remembers the answer. The members never throw, also on a
/// closed connection, and may be called from several threads at once.
/// </summary>
public class MptcpConnection
{
    /// <summary>How long an answer that can still change is good for.</summary>
    private const long MaxAgeMilliseconds = 1000;

    private readonly Socket _socket;
    private readonly bool _openedAsTcp;

    // The kernel's SO_PROTOCOL never changes, so that it is asked once.
    private volatile bool _isMptcpSocket;

    // An Answer in one word, so that several threads can read and replace it without a lock. 0 is none yet.
    private long _answer;

    /// <summary>Asks nothing yet.</summary>
    /// <param name="socket">The connection's socket. It stays the caller's.</param>
    public MptcpConnection(Socket socket)
        : this(socket, !MptcpSocket.IsOpenedAsTcp(socket))
    {
    }

    /// <summary>As <see cref="MptcpConnection(Socket)"/>, for who knows more than .NET does.</summary>
    /// <param name="socket">The connection's socket. It stays the caller's.</param>
    /// <param name="openedAsMptcp">
    /// Whether the socket, or the listener that accepted it, is an MPTCP one: a connection that speaks TCP is
    /// <see cref="MptcpStatus.NotNegotiated"/> then, otherwise <see cref="MptcpStatus.Unavailable"/>.
    /// </param>
    public MptcpConnection(Socket socket, bool openedAsMptcp)
    {
        ArgumentNullException.ThrowIfNull(socket);
        _socket = socket;
        _openedAsTcp = !openedAsMptcp;
    }

    /// <summary>
    /// Which protocol the connection speaks, and why. <see cref="MptcpStatus.Active"/> is asked again when it is older than a second,
    /// because such a connection can still fall back; <see cref="MptcpStatus.NotNegotiated"/>, <see cref="MptcpStatus.FellBack"/> and
    /// <see cref="MptcpStatus.Unavailable"/> are kept. After this process closed the socket: the last answer, or
    /// <see cref="MptcpStatus.Unknown"/>.
    /// </summary>
    /// <remarks>
    /// An open socket about which the kernel refuses to answer is <see cref="MptcpStatus.Unknown"/>, whatever was known before. At most
    /// two system calls in a second, and three for the answer <see cref="MptcpStatus.FellBack"/>.
    /// </remarks>
    public MptcpStatus Status => Current().Status;

    /// <summary>
    /// How many subflows the connection had when <see cref="Status"/> was asked (Linux 5.16); null when it is not
    /// <see cref="MptcpStatus.Active"/>, or the kernel can't tell.
    /// </summary>
    public int? SubflowCount => Current() is { Status: MptcpStatus.Active } answer ? answer.Subflows : null;

    /// <summary>Reads the connection's figures from the kernel (Linux 5.16), at every call.</summary>
    /// <param name="info">The figures, when there are any.</param>
    /// <returns>False when the connection does not speak Multipath TCP, or is closed.</returns>
    public bool TryGetInfo(out MptcpInfo info)
    {
        if (Last is { } last)
        {
            info = last.Connection.Info.GetValueOrDefault();
            return last.Connection.Info is not null;
        }

        var askedAt = Answer.Now;
        var reading = MptcpSocket.Read(_socket, _openedAsTcp, _isMptcpSocket);
        Remember(reading, askedAt);
        info = reading.Info.GetValueOrDefault();
        return reading.Info is not null;
    }

    /// <summary>Reads the subflows from the kernel (Linux 5.16), at every call.</summary>
    /// <returns>
    /// The subflows; none, with the reason, when the connection does not speak Multipath TCP, is closed, or the kernel can't tell.
    /// </returns>
    public MptcpSubflowList GetSubflows()
    {
        if (Last is { } last)
        {
            return last;
        }

        var askedAt = Answer.Now;
        var subflows = MptcpSocket.GetSubflows(_socket, _openedAsTcp);
        Remember(subflows.Connection, askedAt);
        return subflows;
    }

    /// <summary>The last reading before the socket was closed, where its owner asked for one; otherwise null.</summary>
    private protected virtual MptcpSubflowList? Last => null;

    /// <summary>
    /// Whether the kernel made the socket for MPTCP, whatever the connection speaks by now. Later readings do not ask that again; of a
    /// connection that is TCP the status is known by it, and nothing is asked again.
    /// </summary>
    internal bool AskProtocol()
    {
        var askedAt = Answer.Now;
        if (MptcpSocket.IsMptcp(_socket) is not { } isMptcp)
        {
            return false;
        }

        _isMptcpSocket = isMptcp;
        if (!isMptcp)
        {
            Remember(new MptcpReading(_openedAsTcp ? MptcpStatus.Unavailable : MptcpStatus.NotNegotiated), askedAt);
        }

        return isMptcp;
    }

    /// <summary>Called once, when it is known for good that the connection does not speak Multipath TCP.</summary>
    /// <param name="status">Why.</param>
    protected virtual void OnSettled(MptcpStatus status)
    {
    }

    /// <summary>Called when the kernel refuses to answer about an open socket for a reason that nothing explains.</summary>
    /// <param name="reading">Holds the errno.</param>
    protected virtual void OnUnexpected(in MptcpReading reading)
    {
    }

    private Answer Current()
    {
        var answer = new Answer(Volatile.Read(ref _answer));
        if (answer.IsFinal || answer.IsYoungerThan(MaxAgeMilliseconds))
        {
            return answer;
        }

        var askedAt = Answer.Now;
        return Remember(MptcpSocket.Read(_socket, _openedAsTcp, _isMptcpSocket), askedAt);
    }

    /// <summary>Keeps what the kernel said, unless something truer is known.</summary>
    private Answer Remember(in MptcpReading reading, long askedAt)
    {
        if (reading.Errno != 0 && !reading.IsClosed)
        {
            OnUnexpected(reading);
        }

        var asked = Answer.Of(reading, askedAt);
        while (true)
        {
            var before = new Answer(Volatile.Read(ref _answer));
            if (before.IsFinal || (before.IsNewerThan(asked) && !asked.IsFinal))
            {
                // Another thread has seen the fallback, from which there is no way back, or has asked since.
                return before;
            }

            // A closed socket can't be asked any more, and the last answer stays true of its connection. An open one that can't be asked
            // may have fallen back.
            var answer = reading.IsClosed && before.IsKnown ? before.AsOf(asked) : asked;
            if (Interlocked.CompareExchange(ref _answer, answer.Bits, before.Bits) == before.Bits)
            {
                if (answer.IsFinal)
                {
                    OnSettled(answer.Status);
                }

                return answer;
            }
        }
    }

    /// <summary>Status, number of subflows plus one (0: not known) and time in one word: bits 0 to 7, 8 to 15, and 16 upwards.</summary>
    private readonly struct Answer(long bits)
    {
        public long Bits => bits;

        public MptcpStatus Status => (MptcpStatus)(bits & 0xff);

        public int? Subflows => ((int)(bits >> 8) & 0xff) is > 0 and var count ? count - 1 : null;

        public bool IsKnown => Status != MptcpStatus.Unknown;

        /// <summary>Only <see cref="MptcpStatus.Active"/> can change, and what is not known can become known.</summary>
        public bool IsFinal => IsKnown && Status != MptcpStatus.Active;

        /// <summary>One more than the clock, so that no answer is 0, which stands for none.</summary>
        public static long Now => Environment.TickCount64 + 1;

        private long AskedAt => bits >> 16;

        public static Answer Of(in MptcpReading reading, long askedAt)
        {
            var subflows = Math.Min(reading.Info?.Subflows + 1 ?? 0, byte.MaxValue);
            return new Answer((askedAt << 16) | ((long)subflows << 8) | (long)reading.Status);
        }

        public bool IsYoungerThan(long milliseconds) => bits != 0 && Now - AskedAt < milliseconds;

        public bool IsNewerThan(Answer other) => AskedAt > other.AskedAt;

        public Answer AsOf(Answer later) => new((later.AskedAt << 16) | (bits & 0xffff));
    }
}
