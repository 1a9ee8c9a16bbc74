using System.Net.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.Sockets.Tests;

/// <summary>What <c>ss -M</c>, which nobody here wrote, says of the host's MPTCP sockets: by way of sock_diag and not getsockopt.</summary>
internal sealed class SocketStatistics
{
    private readonly Dictionary<(string Local, string Remote), string> _details = [];

    private SocketStatistics(string output)
    {
        (string, string) key = default;
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (char.IsWhiteSpace(line[0]))
            {
                _details[key] = line;
            }
            else if (fields.Length >= 5)
            {
                key = (fields[3], fields[4]);
                _details[key] = "";
            }
        }
    }

    public static async Task<SocketStatistics> ReadAsync() => new(await Command.RunCheckedAsync("ss", "-MnHia"));

    /// <summary>Active, FellBack, or null when it is no MPTCP socket.</summary>
    public MptcpStatus? Find(Socket socket) =>
        !_details.TryGetValue((Format(socket.LocalEndPoint), Format(socket.RemoteEndPoint)), out var details) ? null
        : details.Contains("fallback", StringComparison.Ordinal) ? MptcpStatus.FellBack
        : details.Contains("remote_key", StringComparison.Ordinal) ? MptcpStatus.Active
        : MptcpStatus.Unknown;

    /// <summary>A figure in the output, such as <c>token</c>.</summary>
    public string Get(Socket socket, string name) =>
        _details[(Format(socket.LocalEndPoint), Format(socket.RemoteEndPoint))]
            .Split(' ').Single(field => field.StartsWith($"{name}:", StringComparison.Ordinal))[(name.Length + 1)..];

    private static string Format(System.Net.EndPoint? endPoint) => endPoint!.ToString()!;
}
