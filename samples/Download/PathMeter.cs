using System.Net;
using Mptcp.Sockets;

namespace Download;

/// <summary>What has come over one path, from one address to another, whichever connections used it.</summary>
internal sealed record PathFigures(string Name)
{
    public long Bytes { get; init; }

    public TimeSpan RoundTripTime { get; init; }

    /// <summary>Whether the connection of now has it.</summary>
    public bool IsOpen { get; init; }
}

/// <summary>Adds up what comes over each path. The kernel counts per connection, and forgets when it is closed.</summary>
internal sealed class PathMeter
{
    private readonly Lock _lock = new();
    private readonly List<PathFigures> _paths = [];
    private readonly Dictionary<(IPEndPoint Local, IPEndPoint Remote), long> _counted = [];
    private MptcpConnection? _connection;

    /// <summary>Whether a response is being received. Otherwise the figures are those of connections before.</summary>
    public bool IsConnected { get; private set; }

    /// <summary>The status of the last connection when it was measured last; <see langword="null"/> before there is one.</summary>
    public MptcpStatus? Status { get; private set; }

    /// <summary>
    /// Whether the last measure has the figures of the kernel. It has not if a reset ended the connection: the kernel drops them with the
    /// subflows.
    /// </summary>
    public bool IsComplete { get; private set; }

    /// <summary>In the order in which they came.</summary>
    public PathFigures[] Paths
    {
        get
        {
            lock (_lock)
            {
                return [.. _paths];
            }
        }
    }

    /// <summary>Goes on with the connection of the next response.</summary>
    public void Follow(HttpResponseMessage response)
    {
        lock (_lock)
        {
            _counted.Clear();
            _connection = response.GetMptcpConnection();
            IsConnected = true;
            Measure();
        }
    }

    /// <summary>The response has ended, or was lost.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            IsConnected = false;
            CloseAll();
        }
    }

    public void Measure()
    {
        lock (_lock)
        {
            if (!IsConnected)
            {
                return;
            }

            CloseAll();
            var subflows = _connection?.GetSubflows();
            foreach (var subflow in subflows ?? Enumerable.Empty<MptcpSubflow>())
            {
                // One that is being closed has lost its addresses.
                if (subflow.Id != 0 && subflow.RemoteEndPoint.Port != 0)
                {
                    Add(subflow);
                }
            }

            // After the subflows: to ask for them has renewed it.
            Status = _connection?.Status ?? MptcpStatus.Unknown;
            IsComplete = Status != MptcpStatus.Active || subflows?.Count > 0;
        }
    }

    private void CloseAll()
    {
        for (var i = 0; i < _paths.Count; i++)
        {
            _paths[i] = _paths[i] with { IsOpen = false };
        }
    }

    private void Add(MptcpSubflow subflow)
    {
        var key = (subflow.LocalEndPoint, subflow.RemoteEndPoint);
        var more = Math.Max(0, subflow.BytesReceived - _counted.GetValueOrDefault(key));
        _counted[key] = subflow.BytesReceived;

        // Without the local port, which is another one each time.
        var name = $"{subflow.LocalEndPoint.Address} → {subflow.RemoteEndPoint}";
        var index = _paths.FindIndex(path => path.Name == name);
        if (index < 0)
        {
            index = _paths.Count;
            _paths.Add(new PathFigures(name));
        }

        var before = _paths[index];
        _paths[index] = before with
        {
            Bytes = before.Bytes + more,
            RoundTripTime = subflow.RoundTripTime,
            IsOpen = before.IsOpen || !subflow.IsClosed,
        };
    }
}
