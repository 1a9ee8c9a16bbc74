using System.Net.Sockets;
using System.Security.Authentication;
using Mptcp.Sockets;

namespace Download;

/// <summary>The exit codes, which are curl's.</summary>
internal static class ExitCode
{
    public const int UnsupportedProtocol = 1;
    public const int Usage = 2;
    public const int MalformedUrl = 3;
    public const int NotResolved = 6;
    public const int NotConnected = 7;
    public const int Partial = 18;
    public const int HttpError = 22;
    public const int NotWritten = 23;
    public const int Timeout = 28;
    public const int WrongRange = 33;
    public const int Tls = 35;
    public const int Internal = 43;
    public const int NotRedirected = 47;
    public const int NotReceived = 56;
    public const int NotTrusted = 60;

    /// <summary>Not one of curl's.</summary>
    public const int NotMptcp = 101;
}

/// <summary>The end of a download, in the words that the user reads.</summary>
internal sealed class DownloadException(int exitCode, string message, bool isTransient = false) : Exception(Printable(message))
{
    public int ExitCode => exitCode;

    /// <summary>Whether it can go better the next time.</summary>
    public bool IsTransient => isTransient;

    /// <summary>Why there is no response.</summary>
    /// <param name="e">What HttpClient threw.</param>
    /// <param name="host">The host that was asked last.</param>
    /// <param name="distrust">What is wrong with the server's certificate, or null.</param>
    public static DownloadException Of(HttpRequestException e, string host, string? distrust) => e.InnerException switch
    {
        MptcpConnectException { SocketErrorCode: SocketError.TimedOut } connect => new(Download.ExitCode.Timeout, connect.Message, isTransient: true),
        MptcpConnectException { Attempts.Count: 0 } => new(Download.ExitCode.NotResolved, $"Could not resolve host: {host}", isTransient: true),
        MptcpConnectException connect => new(Download.ExitCode.NotConnected, connect.Message, isTransient: true),
        PlatformNotSupportedException unsupported => new(Download.ExitCode.NotMptcp, $"Multipath TCP is required. {unsupported.Message}"),
        AuthenticationException when distrust is not null => new(Download.ExitCode.NotTrusted, $"The certificate of {host} is not trusted: {distrust}"),
        AuthenticationException tls => new(Download.ExitCode.Tls, $"TLS with {host} failed: {tls.Message}"),
        var cause when e.HttpRequestError == HttpRequestError.SecureConnectionError => new(Download.ExitCode.Tls, $"TLS with {host} failed: {(cause ?? e).Message}", isTransient: true),
        var cause => new(Download.ExitCode.NotReceived, $"No response from {host}: {(cause ?? e).Message}", isTransient: true),
    };

    public string ToLine() => $"download: ({ExitCode}) {Message}";

    /// <summary>One line without control characters: a server could send some that the terminal obeys.</summary>
    private static string Printable(string text) => string.Concat(text.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : $"{c}"));
}
