using System.Globalization;

namespace Download;

/// <summary>The command line.</summary>
internal sealed class Options
{
    public const string Usage = """
        Usage: download URL [options]
        Downloads over Multipath TCP, and shows what each path carries.

          -o, --output FILE    where to; default is the last part of the URL, - is standard output
          --require-mptcp      over Multipath TCP or not at all
          --retry NUMBER       how often in a row to try again when the connection is lost, after 1, 2, 4, ... seconds (default 5)
          --timeout SECONDS    how long to wait for the connection, the response or more of it (default 60)
          -h, --help           this text

        What has arrived is kept in FILE.part until it is whole. The same command again goes on from there, or starts over when the
        file has changed on the server or can't be asked for in parts.

        Exit codes are those of curl:
            0  downloaded                             28  timeout
            1  protocol not supported                 33  wrong part of the file sent
            2  wrong usage                            35  TLS failed
            3  malformed URL                          43  error in this program
            6  host not resolved                      47  redirect not followed
            7  could not connect                      56  no response received
           18  ended too early, also after retries    60  certificate not trusted
           22  HTTP status 400 or above              130  interrupted (SIGINT)
           23  could not write                       143  terminated (SIGTERM)
        and 101  --require-mptcp, and the connection or this host does not speak Multipath TCP
        """;

    public required Uri Url { get; init; }

    public string? File { get; init; }

    public bool RequireMptcp { get; init; }

    public int Retries { get; init; } = 5;

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <returns>Null when help is asked for.</returns>
    public static Options? Parse(string[] args)
    {
        string? url = null;
        string? file = null;
        var requireMptcp = false;
        var retries = 5;
        var timeout = 60;
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "-h" or "--help":
                    return null;
                case "-o" or "--output":
                    file = Next(ref i);
                    break;
                case "--require-mptcp":
                    requireMptcp = true;
                    break;
                case "--retry":
                    retries = Number(ref i, least: 0, most: 100);
                    break;
                case "--timeout":
                    timeout = Number(ref i, least: 1, most: 86_400);
                    break;
                case var option when option.StartsWith('-'):
                    throw Wrong($"option {option}: is unknown");
                case var argument when url is null:
                    url = argument;
                    break;
                case var argument:
                    throw Wrong($"{argument}: one URL at a time");
            }
        }

        return new Options
        {
            Url = ParseUrl(url ?? throw Wrong("no URL specified")),
            File = file,
            RequireMptcp = requireMptcp,
            Retries = retries,
            Timeout = TimeSpan.FromSeconds(timeout),
        };

        string Next(ref int i) => i + 1 < args.Length && args[i + 1].Length > 0 ? args[++i] : throw Wrong($"option {args[i]}: requires parameter");

        int Number(ref int i, int least, int most)
        {
            var option = args[i];
            return int.TryParse(Next(ref i), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
                ? number
                : throw Wrong($"option {option}: expected a number from {least} to {most}");
        }
    }

    private static Uri ParseUrl(string text)
    {
        // As curl has it.
        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        if (!Uri.TryCreate(withScheme, UriKind.Absolute, out var url))
        {
            throw new DownloadException(ExitCode.MalformedUrl, $"Malformed URL: {text}");
        }

        return url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps
            ? url
            : throw new DownloadException(ExitCode.UnsupportedProtocol, $"Protocol \"{url.Scheme}\" not supported");
    }

    private static DownloadException Wrong(string what) => new(ExitCode.Usage, $"{what}; try --help");
}
