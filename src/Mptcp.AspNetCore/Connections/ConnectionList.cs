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

    public IReadOnlyList<MptcpServerConnection> GetSnapshot() => GetPage(0, int.MaxValue, out _);

    /// <summary>Reads a part of the list, in the order in which the connections were accepted.</summary>
    /// <param name="skip">The number of connections before the first one that is returned.</param>
    /// <param name="take">The maximum number of connections that are returned.</param>
    /// <param name="total">The number of connections in the list.</param>
    /// <returns>The connections; fewer than <paramref name="take"/> where the list ends first.</returns>
    /// <remarks>
    /// Accepting and closing connections wait while the list is locked. It is locked only to walk to the page, from the nearer end,
    /// and over it; everything is allocated outside of the lock.
    /// </remarks>
    public IReadOnlyList<MptcpServerConnection> GetPage(int skip, int take, out int total)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        ArgumentOutOfRangeException.ThrowIfNegative(take);
        var entries = new ConnectionEntry[Math.Clamp(Count - skip, 0, take)];
        var count = 0;
        lock (_lock)
        {
            total = _count;
            for (var entry = entries.Length == 0 ? null : EntryAt(skip); entry is not null && count < entries.Length; entry = entry.Next)
            {
                entries[count++] = entry;
            }
        }

        var page = new MptcpServerConnection[count];
        for (var i = 0; i < page.Length; i++)
        {
            page[i] = entries[i].Show();
        }

        return page;
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

    /// <summary>The entry with this index; <c>null</c> when there are fewer. Called under the lock.</summary>
    private ConnectionEntry? EntryAt(int index)
    {
        if (index >= _count)
        {
            return null;
        }

        ConnectionEntry? entry;
        if (index <= _count / 2)
        {
            entry = _first;
            for (var i = 0; i < index; i++)
            {
                entry = entry!.Next;
            }
        }
        else
        {
            entry = _last;
            for (var i = _count - 1; i > index; i--)
            {
                entry = entry!.Previous;
            }
        }

        return entry;
    }
}
