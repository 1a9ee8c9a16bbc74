using Mptcp.TestNetwork;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>Reads what a monitor on a host tells, from the moment of its making.</summary>
internal sealed class EventRecorder : IAsyncDisposable
{
    private readonly List<MptcpPathEvent> _events = [];
    private readonly Task _reading;

    public EventRecorder(NetworkNamespace host)
    {
        Monitor = host.Run(MptcpPathMonitor.Open);
        _reading = Task.Run(async () =>
        {
            await foreach (var pathEvent in Monitor.ReadAllAsync())
            {
                lock (_events)
                {
                    _events.Add(pathEvent);
                }
            }
        });
    }

    public MptcpPathMonitor Monitor { get; }

    public MptcpPathEvent[] Events
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>Waits for the event of this kind, or for the second one and so on.</summary>
    public async Task<MptcpPathEvent> WaitForAsync(MptcpPathEventKind kind, int count = 1)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        MptcpPathEvent? found;
        while ((found = Events.Where(pathEvent => pathEvent.Kind == kind).ElementAtOrDefault(count - 1)) is null)
        {
            Assert.False(timeout.IsCancellationRequested, $"No {kind} among:\n{this}");
            await Task.Delay(5);
        }

        return found;
    }

    public override string ToString() => string.Join('\n', Events.Select(pathEvent => $"{pathEvent.Token:x} {pathEvent}"));

    public async ValueTask DisposeAsync()
    {
        Monitor.Dispose();
        await _reading.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(0, Monitor.MalformedMessages);
    }
}
