using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>What a client does: its program, and how its output is read.</summary>
internal sealed partial class Workload
{
    public const int LargeBody = 1 << 20;

    public static readonly Workload KeepAlive = new("keep-alive", 32);
    public static readonly Workload Close = new("`Connection: close`", 32) { IsClosing = true };
    public static readonly Workload Http2 = new("HTTP/2, 10 streams each", 8) { IsHttp2 = true };
    public static readonly Workload Tls = new("TLS, keep-alive", 32) { IsTls = true };
    public static readonly Workload Large = new("1 MB bodies", 8) { Path = $"/bytes/{LargeBody}" };

    private Workload(string name, int connections)
    {
        Name = name;
        Connections = connections;
    }

    public string Name { get; }

    public int Connections { get; }

    /// <summary>Whether each request has a connection of its own.</summary>
    public bool IsClosing { get; private init; }

    private bool IsHttp2 { get; init; }

    private bool IsTls { get; init; }

    private string Path { get; init; } = "/";

    public static Workload KeepAliveOf(int connections) => new($"{connections:N0} connections", connections);

    /// <summary>The client's command line.</summary>
    public string[] GetCommand(ServerUnderTest server, IPAddress address, int seconds)
    {
        var port = IsTls ? server.Https : IsHttp2 ? server.H2c : server.Http;
        var url = $"{(IsTls ? "https" : "http")}://{address}:{port}{Path}";
        return IsHttp2
            ? ["h2load", "-t", "1", "-c", $"{Connections}", "-m", "10", "-D", $"{seconds}", url]
            : ["wrk", "-t", "1", "-c", $"{Connections}", "-d", $"{seconds}s", "--timeout", "10s", .. IsClosing ? ["-H", "Connection: close"] : Array.Empty<string>(), url];
    }

    /// <summary>Requests answered, and the seconds it took. Throws where something went wrong.</summary>
    public (long Requests, double Seconds) Read(string output, int seconds)
    {
        if (IsHttp2)
        {
            var total = H2Load().Match(output);
            if (!total.Success || total.Groups[2].Value != "0" || total.Groups[3].Value != "0")
            {
                throw new InvalidOperationException($"{Name}: {output}");
            }

            // With -D it counts what falls into the time it was given, whatever it says about the whole.
            return (long.Parse(total.Groups[1].Value, CultureInfo.InvariantCulture), seconds);
        }

        var match = Wrk().Match(output);
        if (!match.Success || output.Contains("Non-2xx", StringComparison.Ordinal) || Errors().IsMatch(output))
        {
            throw new InvalidOperationException($"{Name}: {output}");
        }

        var time = double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) * (match.Groups[3].Value == "ms" ? 0.001 : match.Groups[3].Value == "m" ? 60 : 1);
        return (long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), time);
    }

    [GeneratedRegex(@"(\d+) requests in ([\d.]+)(ms|s|m),")]
    private static partial Regex Wrk();

    [GeneratedRegex(@"Socket errors: .*[1-9]")]
    private static partial Regex Errors();

    [GeneratedRegex(@"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored")]
    private static partial Regex H2Load();
}
