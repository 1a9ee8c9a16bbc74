namespace Mptcp.AspNetCore.Connections;

/// <summary>The live connections, linked through their entries: adding and removing one is a few writes under a lock.</summary>
internal sealed class ConnectionList : IMptcpConnections
{
    private readonly Lock _lock = new();
    private ConnectionEntry? _first;
    private ConnectionEntry? _last;
    private ConnectionEntry? _cursor;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public IReadOnlyList<MptcpServerConnection> GetSnapshot()
    {
        lock (_lock)
        {
            var snapshot = new MptcpServerConnection[_count];
            var i = 0;
            for (var entry = _first; entry is not null; entry = entry.Next)
            {
                snapshot[i++] = entry.Show();
            }

            return snapshot;
        }
    }

    public void Add(ConnectionEntry entry)
    {
        lock (_lock)
        {
            entry.Previous = _last;
            if (_last is null)
            {
                _first = entry;
            }
            else
            {
                _last.Next = entry;
            }

            _last = entry;
            _count++;
        }
    }

    /// <summary>Removes an entry that was added, once.</summary>
    public void Remove(ConnectionEntry entry)
    {
        lock (_lock)
        {
            if (entry.Previous is null)
            {
                _first = entry.Next;
            }
            else
            {
                entry.Previous.Next = entry.Next;
            }

            if (entry.Next is null)
            {
                _last = entry.Previous;
            }
            else
            {
                entry.Next.Previous = entry.Previous;
            }

            if (_cursor == entry)
            {
                _cursor = entry.Next;
            }

            // Who still holds the entry, as the feature of a connection that has ended, does not hold those that came after it.
            entry.Next = entry.Previous = null;
            _count--;
        }
    }

    /// <summary>The next entries in turn, from where the last call ended; the call after the one that reached the last entry begins anew.</summary>
    /// <param name="batch">Where they go.</param>
    /// <returns>How many there are: fewer than asked for where the list ended first.</returns>
    public int GetNext(Span<ConnectionEntry> batch)
    {
        lock (_lock)
        {
            var count = 0;
            var entry = _cursor ?? _first;
            for (; entry is not null && count < batch.Length; entry = entry.Next)
            {
                batch[count++] = entry;
            }

            _cursor = entry;
            return count;
        }
    }
}
