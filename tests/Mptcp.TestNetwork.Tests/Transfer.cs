using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.TestNetwork.Tests;

/// <summary>A download that goes on until it is told to finish; bytes are compared by hash.</summary>
internal sealed class Transfer : IDisposable
{
    private readonly Socket _listener;
    private readonly Task<byte[]> _sending;
    private readonly Task<byte[]> _receiving;
    private volatile bool _finish;
    private long _received;
    private long _lastProgress = Stopwatch.GetTimestamp();
    private long _longestStall;

    private Transfer(Socket listener, Socket client, Socket accepted)
    {
        _listener = listener;
        Client = client;
        Accepted = accepted;
        _sending = Task.Factory.StartNew(Send, TaskCreationOptions.LongRunning);
        _receiving = Task.Factory.StartNew(Receive, TaskCreationOptions.LongRunning);
    }

    public Socket Client { get; }

    public Socket Accepted { get; }

    public long Received => Interlocked.Read(ref _received);

    /// <summary>The longest time without progress since <see cref="ForgetStalls"/>.</summary>
    public TimeSpan LongestStall => TimeSpan.FromSeconds((double)Interlocked.Read(ref _longestStall) / Stopwatch.Frequency);

    public static Transfer Start(MultipathNetwork network, bool mptcp = true, IPAddress? to = null)
    {
        to ??= network.ServerAddress;
        var listener = network.Server.Run(() =>
        {
            // On all addresses: the kernel resets a path that opens to one that nobody listens on.
            var socket = Open();
            socket.Bind(new IPEndPoint(to.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0));
            socket.Listen();
            return socket;
        });
        var client = network.Client.Run(Open);
        client.Connect(to, ((IPEndPoint)listener.LocalEndPoint!).Port);
        return new Transfer(listener, client, listener.Accept());

        Socket Open() => mptcp
            ? MptcpSocket.Create(to.AddressFamily)
            : new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
    }

    /// <summary>Waits until so many further bytes have arrived.</summary>
    public Task WaitForBytesAsync(long count)
    {
        var target = Received + count;
        return Wait.UntilAsync(() => Received >= target, () => $"{target - Received} of {count} bytes are missing.");
    }

    public void ForgetStalls() => Interlocked.Exchange(ref _longestStall, 0);

    /// <summary>Sends no more, and compares what was sent with what arrived.</summary>
    public async Task FinishAsync()
    {
        _finish = true;
        var sent = await _sending.WaitAsync(TimeSpan.FromSeconds(60));
        var received = await _receiving.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.NotEqual(0, Received);
        Assert.Equal(sent, received);
    }

    public void Dispose()
    {
        Accepted.Dispose();
        Client.Dispose();
        _listener.Dispose();
    }

    private byte[] Send()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[65536];
        var random = new Random();
        while (!_finish)
        {
            random.NextBytes(buffer);
            hash.AppendData(buffer);
            for (var rest = buffer.AsSpan(); rest.Length > 0;)
            {
                rest = rest[Accepted.Send(rest)..];
            }
        }

        Accepted.Shutdown(SocketShutdown.Send);
        return hash.GetHashAndReset();
    }

    private byte[] Receive()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[65536];
        for (int count; (count = Client.Receive(buffer)) > 0;)
        {
            hash.AppendData(buffer, 0, count);
            Interlocked.Add(ref _received, count);
            var now = Stopwatch.GetTimestamp();
            var stall = now - _lastProgress;
            _lastProgress = now;
            if (stall > Interlocked.Read(ref _longestStall))
            {
                Interlocked.Exchange(ref _longestStall, stall);
            }
        }

        return hash.GetHashAndReset();
    }
}
