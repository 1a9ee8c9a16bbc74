using System.Net.Sockets;
using System.Security.Cryptography;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace PathLab;

/// <summary>An HttpClient on the client's host.</summary>
internal sealed class Download : IAsyncDisposable
{
    private readonly HttpClient _client;
    private readonly Task<Digest> _reading;

    private Download(HttpClient client, Uri uri, CancellationToken cancellationToken)
    {
        _client = client;
        _reading = ReadAsync(uri, cancellationToken);
    }

    public bool IsOver => _reading.IsCompleted;

    public static Download Start(MultipathNetwork network, DownloadServer server, CancellationToken cancellationToken) => new(
        new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = network.Client.Run(() => MptcpSocket.Create(AddressFamily.InterNetwork));
                await socket.ConnectAsync(server.EndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        }),
        new Uri($"http://{server.EndPoint}/"),
        cancellationToken);

    public Task<Digest> FinishAsync() => _reading;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();

        // FinishAsync reports a failure.
        await Task.WhenAny(_reading);
    }

    private async Task<Digest> ReadAsync(Uri uri, CancellationToken cancellationToken)
    {
        await using var body = await _client.GetStreamAsync(uri, cancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        long bytes = 0;
        while (await body.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            hash.AppendData(buffer.AsSpan(0, count));
            bytes += count;
        }

        return new Digest(bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
