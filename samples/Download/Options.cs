using System.CommandLine;
using System.Globalization;

namespace Download;

/// <summary>The command line.</summary>
internal sealed record Options(Uri Url, string? File, bool RequireMptcp, int Retries, TimeSpan Timeout)
{
    /// <summary>Printed below the options.</summary>
    public const string Help = """
        What has arrived is kept in FILE.part until it is whole. The same command again
        goes on from there, or starts over when the file has changed on the server or
        the server does not send parts.

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
        and 101  --require-mptcp, and the connection or this host does not speak
                 Multipath TCP
        """;

    public static RootCommand CreateCommand(Func<Options, Task<int>> run)
    {
        var url = new Argument<string>("URL") { Description = "The file to download." };
        var file = new Option<string>("--output", "-o")
        {
            HelpName = "FILE",
            Description = "Where to; the default is the last part of the URL, and - is standard output.",
        };
        file.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: "" }])
            {
                result.AddError("option --output: expected the name of a file");
            }
        });
        var requireMptcp = new Option<bool>("--require-mptcp") { Description = "Over Multipath TCP or not at all." };
        var retries = CreateNumber(
            "--retry", "NUMBER", "How often in a row to try again when the connection is lost, after 1, 2, 4, ... seconds.", least: 0, most: 100, otherwise: 5);
        var timeout = CreateNumber(
            "--timeout", "SECONDS", "How long to wait for the connection, the response or more of it.", least: 1, most: 86_400, otherwise: 60);
        var command = new RootCommand("Downloads over Multipath TCP, and shows what each path carries.") { url, file, requireMptcp, retries, timeout };
        command.SetAction(result => run(new Options(
            ParseUrl(result.GetRequiredValue(url)),
            result.GetValue(file),
            result.GetValue(requireMptcp),
            result.GetValue(retries),
            TimeSpan.FromSeconds(result.GetValue(timeout)))));
        return command;
    }

    private static Option<int> CreateNumber(string name, string helpName, string description, int least, int most, int otherwise) => new(name)
    {
        HelpName = helpName,
        Description = description,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            {
                return number;
            }

            result.AddError($"option {name}: expected a number from {least} to {most}");
            return otherwise;
        },
    };

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
}
