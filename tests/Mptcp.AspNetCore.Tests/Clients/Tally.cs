using System.Collections.Concurrent;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>Compares what responses of a <see cref="MixedServer"/> say with what the server says of them.</summary>
internal sealed class Tally
{
    private readonly ConcurrentDictionary<MptcpStatus, int> _served = new();
    private readonly ConcurrentDictionary<MptcpStatus, int> _right = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly ConcurrentDictionary<string, int> _without = new();
    private int _unknown;

    public int Right => _right.Values.Sum();

    public int Unknown => Volatile.Read(ref _unknown);

    /// <summary>The paths of requests that ended without a response.</summary>
    public HashSet<string> Without => [.. _without.Keys];

    public void Add(HttpResponseMessage response)
    {
        var (expected, status) = (MixedServer.StatusOf(response), response.GetMptcpStatus());
        _served.AddOrUpdate(expected, 1, (_, count) => count + 1);
        if (status == expected)
        {
            _right.AddOrUpdate(status, 1, (_, count) => count + 1);
        }
        else if (status == MptcpStatus.Unknown)
        {
            Interlocked.Increment(ref _unknown);
        }
        else
        {
            _wrong.Enqueue($"{response.RequestMessage!.RequestUri}: {status}, but the server served it as {expected}");
        }
    }

    public void AddWithout(string path) => _without.AddOrUpdate(path, 1, (_, count) => count + 1);

    /// <summary>None wrong, and both kinds of connection were there to be confused.</summary>
    public void AssertNotWrong()
    {
        Assert.Empty(_wrong);
        Assert.All([MptcpStatus.Active, MptcpStatus.FellBack], status => Assert.True(_served.GetValueOrDefault(status) > 0, ToString()));
    }

    /// <summary>None wrong, and of both kinds at least so many known.</summary>
    public void AssertRight(int least = 50)
    {
        AssertNotWrong();
        Assert.All([MptcpStatus.Active, MptcpStatus.FellBack], status => Assert.True(_right.GetValueOrDefault(status) >= least, ToString()));
    }

    public override string ToString() => $"served as: {string.Join(", ", _served)}; right: {string.Join(", ", _right)}; unknown: {Unknown}; no answer: {string.Join(", ", _without)}";
}
