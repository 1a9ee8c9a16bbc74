using System.Diagnostics;

namespace Mptcp.TestNetwork.Wires;

/// <summary>
/// A link with delay and loss, for kernels without netem: a TUN device on each host, and a thread that carries packets between
/// them when they are due. The devices live as long as this process holds them, so a crash leaves none.
/// </summary>
internal sealed class LinkEmulator : IWire
{
    public const string ThreadName = "link-emulator";

    private readonly TunDevice _server;
    private readonly TunDevice _client;
    private readonly DelayLine _toServer;
    private readonly DelayLine _toClient;
    private readonly WakeUp _stop = new();
    private readonly Thread _thread;
    private volatile LinkSettings _settings;

    private LinkEmulator(TunDevice server, TunDevice client, LinkSettings settings)
    {
        _server = server;
        _client = client;
        _settings = settings;

        // The same losses in each run.
        _toServer = new DelayLine(new Random(1));
        _toClient = new DelayLine(new Random(2));
        _thread = new Thread(Carry) { IsBackground = true, Name = ThreadName, Priority = ThreadPriority.Highest };
    }

    public static LinkEmulator Start(NetworkNamespace server, NetworkNamespace client, string device, LinkSettings settings)
    {
        var atServer = TunDevice.Open(server, device);
        TunDevice atClient;
        try
        {
            atClient = TunDevice.Open(client, device);
        }
        catch
        {
            atServer.Dispose();
            throw;
        }

        var emulator = new LinkEmulator(atServer, atClient, settings);
        emulator._thread.Start();
        return emulator;
    }

    public Task ChangeAsync(LinkSettings settings)
    {
        _settings = settings;
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _stop.Signal();
        _thread.Join();
        _stop.Dispose();
        _server.Dispose();
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Carry()
    {
        Span<byte> buffer = new byte[DelayLine.MaximumPacketSize];
        do
        {
            Move(_client, _toServer, _server, buffer);
            Move(_server, _toClient, _client, buffer);
        }
        while (_stop.Wait(_client, _server, Math.Min(_toServer.NextDue, _toClient.NextDue) - Now()));
    }

    private void Move(TunDevice from, DelayLine line, TunDevice to, Span<byte> buffer)
    {
        // Bounded, so that a flood in one direction doesn't hold up the other.
        for (var i = 0; i < 64 && from.TryRead(buffer, out var length); i++)
        {
            line.TryEnqueue(buffer[..length], Now(), _settings);
        }

        while (line.TryDequeue(Now(), out var packet))
        {
            to.Write(packet);
        }
    }

    /// <summary>CLOCK_MONOTONIC.</summary>
    private static long Now() => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
}
