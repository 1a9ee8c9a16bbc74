using System.Net;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Paths;

/// <summary>The paths of one connection, as the events tell them.</summary>
internal sealed class TrackedConnection
{
    private readonly MptcpConnectionFeature _feature;
    private readonly Lock _lock = new();
    private readonly HashSet<(IPEndPoint Local, IPEndPoint Remote)> _paths = [];

    // The first reading finds the initial path, which nobody added.
    private bool _isRead;
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

    /// <summary>Takes in one event about a path.</summary>
    /// <returns>Whether it changed anything: an event can be older than what was read from the kernel.</returns>
    public bool Set((IPEndPoint Local, IPEndPoint Remote) path, bool exists)
    {
        lock (_lock)
        {
            if (!_isRead)
            {
                // The first reading is still to come, and will find what this event tells.
                return false;
            }

            var changed = exists ? _paths.Add(path) : _paths.Remove(path);
            _count = _paths.Count;
            return changed;
        }
    }

    /// <summary>Reads the paths from the kernel.</summary>
    /// <returns>Those that came and went unnoticed, and how many there are after each.</returns>
    public List<(IPEndPoint Local, IPEndPoint Remote, bool Added, int Count)> Read()
    {
        var changes = new List<(IPEndPoint, IPEndPoint, bool, int)>();
        lock (_lock)
        {
            var now = _feature.GetSubflows().Where(subflow => !subflow.IsClosed)
                .Select(subflow => (subflow.LocalEndPoint, subflow.RemoteEndPoint)).ToArray();
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
        }

        return changes;
    }
}
