using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Header;

/// <summary>
/// <c>Mptcp-Status: active;subflows=2</c>: a structured-field token with a parameter (RFC 9651 section 3.3.4). Never an address or
/// a token of the connection.
/// </summary>
internal static class MptcpStatusHeader
{
    public const string Name = "Mptcp-Status";

    // All the values there are, made once: the kernel counts subflows in a byte.
    private static readonly StringValues[] s_active =
        [.. Enumerable.Range(0, byte.MaxValue + 1).Select(n => $"{MptcpStatus.Active.ToToken()};subflows={n.ToString(CultureInfo.InvariantCulture)}")];

    private static readonly StringValues[] s_byStatus = [.. Enum.GetValues<MptcpStatus>().Select(status => status.ToToken())];

    /// <summary>Adds the header; does nothing where there is no feature.</summary>
    public static Task SetAsync(object state)
    {
        var context = (HttpContext)state;
        if (context.Features.Get<IMptcpFeature>() is { } feature)
        {
            context.Response.Headers[Name] = Format(feature);
        }

        return Task.CompletedTask;
    }

    private static StringValues Format(IMptcpFeature feature)
    {
        var status = feature.Status;
        if (status != MptcpStatus.Active)
        {
            return (uint)status < (uint)s_byStatus.Length ? s_byStatus[(int)status] : s_byStatus[(int)MptcpStatus.Unknown];
        }

        return feature.GetSubflowCount() is { } subflows ? s_active[Math.Clamp(subflows, 0, byte.MaxValue)] : s_byStatus[(int)status];
    }
}
