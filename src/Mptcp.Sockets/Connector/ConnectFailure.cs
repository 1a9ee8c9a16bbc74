using System.Globalization;
using System.Net;
using System.Text;

namespace Mptcp.Sockets;

/// <summary>
/// Writes the text of a failed connect. A name can come from a stranger and have any number of addresses, and the text goes to logs and
/// terminals: it is short, has no control characters, and names no address that the caller did not name.
/// </summary>
internal static class ConnectFailure
{
    // The length of a DNS name (RFC 1035 section 3.1).
    private const int MaxLength = 255;
    private const int MaxErrors = 3;

    /// <summary>The host and port that the caller asked for.</summary>
    public static string Target(EndPoint target) => target is DnsEndPoint dns ? $"{Escape(dns.Host)}:{dns.Port}" : $"{target}";

    /// <summary>How the attempts ended: each error once, with the number of addresses.</summary>
    public static string Errors(MptcpConnectAttempt[] attempts)
    {
        if (attempts.Length == 1)
        {
            return Error(attempts[0]);
        }

        var errors = attempts.CountBy(Error).ToArray();
        var text = string.Join("; ", errors.Take(MaxErrors).Select(error => $"{error.Key} ({error.Value} {(error.Value == 1 ? "address" : "addresses")})"));
        return errors.Length <= MaxErrors ? text : $"{text}; and {errors.Length - MaxErrors} other errors";
    }

    /// <summary>Replaces control and format characters by their code, and cuts the text where it is longer than any host name.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (var character in text)
        {
            if (escaped.Length >= MaxLength)
            {
                return $"{escaped}…";
            }

            // A direction mark is a format character. A name has no use for a surrogate: what it could encode is punycode in DNS.
            if (char.GetUnicodeCategory(character)
                is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            }
            else
            {
                escaped.Append(character);
            }
        }

        return escaped.ToString();
    }

    private static string Error(MptcpConnectAttempt attempt) =>
        attempt.Outcome == MptcpConnectOutcome.Abandoned ? "no answer" : Escape(attempt.Error?.Message ?? attempt.Outcome.ToString());
}
