using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Paths;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>The feature of one accepted connection: asks when read, remembers, and logs once that it is TCP.</summary>
internal sealed class MptcpConnectionFeature : IMptcpFeature
{
    /// <summary>How long an answer that can still change is good for.</summary>
    private const long MaxAgeMilliseconds = 1000;

    private readonly Socket _socket;
    private readonly ConnectionContext _connection;
    private readonly ILogger _logger;
    private readonly LogLevel _fallbackLogLevel;

    // An Answer in one word, so that several HTTP/2 streams can read and replace it without a lock. 0 is none yet.
    private long _answer;

    public MptcpConnectionFeature(Socket socket, ConnectionContext connection, ILogger logger, LogLevel fallbackLogLevel)
    {
        _socket = socket;
        _connection = connection;
        _logger = logger;
        _fallbackLogLevel = fallbackLogLevel;
    }

    public MptcpStatus Status => Current().Status;

    /// <summary>Who keeps the number of subflows, where the kernel's events are watched.</summary>
    public TrackedConnection? Tracked { get; set; }

    /// <summary>The subflows, as of the last event or of when <see cref="Status"/> was asked; null when not active or not known.</summary>
    public int? Subflows => Current() is { Status: MptcpStatus.Active } answer ? Tracked?.Count ?? answer.Subflows : null;

    public bool TryGetInfo(out MptcpInfo info)
    {
        var reading = MptcpSocket.Read(_socket);
        Remember(reading);
        info = reading.Info.GetValueOrDefault();
        return reading.Info is not null;
    }

    public IReadOnlyList<MptcpSubflow> GetSubflows()
    {
        var subflows = MptcpSocket.GetSubflows(_socket);
        Remember(subflows.Connection);
        return subflows;
    }

    private Answer Current()
    {
        var answer = new Answer(Volatile.Read(ref _answer));
        return answer.IsFinal || answer.IsYoungerThan(MaxAgeMilliseconds) ? answer : Remember(MptcpSocket.Read(_socket));
    }

    /// <summary>Keeps what the kernel said, unless something truer is known.</summary>
    private Answer Remember(in MptcpReading reading)
    {
        if (reading.Errno != 0 && !_socket.SafeHandle.IsClosed)
        {
            Log.StatusUnknown(_logger, _connection.ConnectionId, reading.Errno, reading.Error);
        }

        var asked = Answer.Of(reading);
        while (true)
        {
            var before = new Answer(Volatile.Read(ref _answer));
            if (before.IsFinal)
            {
                // Another request saw the fallback since this one asked, and there is no way back from it.
                return before;
            }

            // A closed socket can't be asked any more: what was known of the connection stays true of it.
            var answer = asked.Status == MptcpStatus.Unknown && before.IsKnown ? before.AsOf(asked) : asked;
            if (Interlocked.CompareExchange(ref _answer, answer.Bits, before.Bits) == before.Bits)
            {
                if (answer.IsFinal)
                {
                    var reason = answer.Status.Explain();
                    Log.NotMptcp(_logger, _fallbackLogLevel, _connection.ConnectionId, reason);
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

        private long AskedAt => bits >> 16;

        public static Answer Of(in MptcpReading reading)
        {
            // One more than the clock, so that no answer is 0, which stands for none.
            var askedAt = Environment.TickCount64 + 1;
            var subflows = Math.Min(reading.Info?.Subflows + 1 ?? 0, byte.MaxValue);
            return new Answer((askedAt << 16) | ((long)subflows << 8) | (long)reading.Status);
        }

        public bool IsYoungerThan(long milliseconds) => bits != 0 && Environment.TickCount64 + 1 - AskedAt < milliseconds;

        public Answer AsOf(Answer later) => new((later.AskedAt << 16) | (bits & 0xffff));
    }
}
