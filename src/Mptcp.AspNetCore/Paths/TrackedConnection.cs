using System.Net;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Paths;

/// <summary>The paths of one connection, as the events report them.</summary>
internal sealed class TrackedConnection
{
    private readonly MptcpConnectionFeature _feature;
    private readonly Lock _lock = new();
    private readonly HashSet<(IPEndPoint Local, IPEndPoint Remote)> _paths = [];
    private Dictionary<(IPEndPoint Local, IPEndPoint Remote), bool>? _backups;

    // The first reading finds the initial path, which no event reports.
    private bool _isRead;

    // The number of events so far.
    private int _version;
    private volatile int _count;

    public TrackedConnection(MptcpConnectionFeature feature, string connectionId)
    {
        _feature = feature;
        ConnectionId = connectionId;
    }

    public string ConnectionId { get; }

    public int Count => _count;

    /// <summary>Lets the feature ask the kernel again.</summary>
    public void Forget() => _feature.Tracked = null;

    /// <summary>Notes that the peer wants a path to be used only when no other is left.</summary>
    /// <param name="path">The path.</param>
    /// <param name="isBackup">Whether it does; <c>null</c> when the path is closed, or when the event did not report it.</param>
    public void SetBackup((IPEndPoint Local, IPEndPoint Remote) path, bool? isBackup)
    {
        lock (_lock)
        {
            if (isBackup is { } value)
            {
                (_backups ??= [])[path] = value;
            }
            else
            {
                _backups?.Remove(path);
            }
        }
    }

    /// <summary>Whether the peer wants a path to be used only when no other is left; <c>null</c> when no event has reported it.</summary>
    public bool? IsBackup((IPEndPoint Local, IPEndPoint Remote) path)
    {
        lock (_lock)
        {
            return _backups is not null && _backups.TryGetValue(path, out var isBackup) ? isBackup : null;
        }
    }

    /// <summary>Takes in one event about a path.</summary>
    /// <returns>Whether it changed anything: an event can be older than what was read from the kernel.</returns>
    public bool Set((IPEndPoint Local, IPEndPoint Remote) path, bool exists)
    {
        lock (_lock)
        {
            _version++;
            if (!_isRead)
            {
                // The first reading is still to come, and will find what this event reports.
                return false;
            }

            var changed = exists ? _paths.Add(path) : _paths.Remove(path);
            _count = _paths.Count;
            return changed;
        }
    }

    /// <summary>Reads the paths from the kernel.</summary>
    /// <returns>The changes that no event reported, with the number of paths after each.</returns>
    public List<(IPEndPoint Local, IPEndPoint Remote, bool Added, int Count)> Read()
    {
        while (true)
        {
            // Not under the lock: a reading that finds a fallback calls the application's logger.
            var version = Volatile.Read(ref _version);
            var now = _feature.GetSubflows().Where(subflow => !subflow.IsClosed)
                .Select(subflow => (subflow.LocalEndPoint, subflow.RemoteEndPoint)).ToArray();
            lock (_lock)
            {
                // An event that came since can be newer than the reading.
                if (version == _version)
                {
                    return Apply(now);
                }
            }
        }
    }

    private List<(IPEndPoint Local, IPEndPoint Remote, bool Added, int Count)> Apply((IPEndPoint Local, IPEndPoint Remote)[] now)
    {
        var changes = new List<(IPEndPoint, IPEndPoint, bool, int)>();
        foreach (var (local, remote) in _paths.Except(now).ToArray())
        {
            _paths.Remove((local, remote));
            changes.Add((local, remote, false, _paths.Count));
        }

        foreach (var (local, remote) in now)
        {
            if (_paths.Add((local, remote)) && (_isRead || _paths.Count > 1))
            {
                changes.Add((local, remote, true, _paths.Count));
            }
        }

        _isRead = true;
        _count = _paths.Count;
        return changes;
    }
}
