using System.Diagnostics;
using System.Net.Sockets;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>Sees every socket that the connector opens: other tests open sockets too, so counting the process's descriptors tells nothing.</summary>
internal sealed class OpenedSockets
{
    private readonly List<Socket> _sockets = [];

    public int Count
    {
        get
        {
            lock (_sockets)
            {
                return _sockets.Count;
            }
        }
    }

    /// <summary>For <see cref="MptcpConnectOptions.ConfigureSocket"/>.</summary>
    public void Add(Socket socket)
    {
        lock (_sockets)
        {
            _sockets.Add(socket);
        }
    }

    public async Task WaitForAsync(int count)
    {
        for (var clock = Stopwatch.StartNew(); Count < count; await Task.Delay(1))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1), $"{Count} sockets were opened and not {count}.");
        }
    }

    /// <summary>All but these are closed, and there were as many as expected.</summary>
    public void AssertClosed(int expectedCount, params Socket[] butNot)
    {
        lock (_sockets)
        {
            Assert.Equal(expectedCount, _sockets.Count);
            Assert.Equal(butNot, _sockets.Where(socket => !socket.SafeHandle.IsClosed));
        }
    }
}
