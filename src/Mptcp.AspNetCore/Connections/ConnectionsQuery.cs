using System.Globalization;
using Microsoft.AspNetCore.Http;
using Mptcp.AspNetCore.Doctor;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>The query of a request for connections.</summary>
/// <param name="Skip">The position of the first connection.</param>
/// <param name="Take">The maximum number of connections.</param>
/// <param name="Status">The status of the connections; <c>null</c> for all.</param>
/// <param name="Paths">Whether their paths are listed.</param>
internal readonly record struct ConnectionsQuery(int Skip, int Take, MptcpStatus? Status, bool Paths)
{
    /// <summary>The maximum of <see cref="Take"/>, and of the connections that one request examines.</summary>
    public const int MostAtOnce = 1000;

    private static readonly Dictionary<string, MptcpStatus> s_statuses = Enum.GetValues<MptcpStatus>()
        .OrderBy(status => status == MptcpStatus.Unknown).ToDictionary(status => status.ToToken());

    /// <returns>The query; <c>null</c> when it was bad and a response says so.</returns>
    public static async Task<ConnectionsQuery?> ReadAsync(HttpContext context)
    {
        var query = context.Request.Query;
        return !TryReadNumber(query["skip"], 0, int.MaxValue, out var skip) ? await RejectAsync("skip", "a number from 0")
            : !TryReadNumber(query["take"], 100, MostAtOnce, out var take) ? await RejectAsync("take", $"a number from 0 to {MostAtOnce}")
            : !TryReadStatus(query["status"], out var status) ? await RejectAsync("status", string.Join(", ", s_statuses.Keys))
            : !TryReadBool(query["paths"], out var paths) ? await RejectAsync("paths", "true, false")
            : new ConnectionsQuery(skip, take, status, paths);

        async Task<ConnectionsQuery?> RejectAsync(string parameter, string allowed)
        {
            await DiagnosticResponse.WriteBadQueryAsync(context, parameter, query[parameter].ToString(), allowed);
            return null;
        }
    }

    private static bool TryReadNumber(string? text, int otherwise, int most, out int value)
    {
        value = otherwise;
        return string.IsNullOrEmpty(text)
            || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= most);
    }

    private static bool TryReadStatus(string? text, out MptcpStatus? status)
    {
        status = null;
        if (string.IsNullOrEmpty(text))
        {
            return true;
        }

        var isKnown = s_statuses.TryGetValue(text, out var known);
        status = known;
        return isKnown;
    }

    private static bool TryReadBool(string? text, out bool value)
    {
        value = false;
        return string.IsNullOrEmpty(text) || bool.TryParse(text, out value);
    }
}
