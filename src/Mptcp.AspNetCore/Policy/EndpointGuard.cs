using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Stands before one endpoint. It checks when the endpoint is about to run, so that nothing that happens before can change the answer, and
/// lets pass only what is known to be Multipath TCP: a missing feature or an unknown status is not.
/// </summary>
internal sealed class EndpointGuard
{
    /// <summary>In the metadata of endpoints that have their guard already.</summary>
    public static readonly object Mark = new GuardMark();

    private readonly RequestDelegate _next;
    private readonly string[] _names;
    private MptcpPolicy[]? _policies;

    public EndpointGuard(RequestDelegate next, IReadOnlyList<object> metadata)
    {
        _next = next;
        _names = GetPolicyNames(metadata);
    }

    /// <summary>Whether a guard has to be put before an endpoint with this metadata.</summary>
    public static bool IsNeededBy(EndpointMetadataCollection metadata) =>
        GetPolicyNames(metadata).Length > 0 && !metadata.Contains(Mark);

    /// <summary>
    /// Of a fallback to a controller or a page chosen at run time only the choice remains, without what was demanded of the fallback: to let it
    /// be would serve everybody.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is something demanded of one.</exception>
    public static void ThrowIfDynamic(IReadOnlyList<object> metadata)
    {
        if (GetPolicyNames(metadata).Length > 0 && metadata.OfType<IDynamicEndpointMetadata>().Any(dynamic => dynamic.IsDynamic))
        {
            throw new InvalidOperationException(
                "RequireMptcp on a fallback to a controller or a page would be lost: put [RequireMptcp] on the controller, the action or the page.");
        }
    }

    public Task InvokeAsync(HttpContext context)
    {
        var feature = context.Features.Get<IMptcpFeature>();
        foreach (var policy in _policies ??= MptcpPolicy.Resolve(_names, context.RequestServices))
        {
            if (policy.IsMetBy(feature))
            {
                continue;
            }

            if (!policy.Options.MonitorOnly)
            {
                return MptcpRejection.WriteAsync(context, policy, feature);
            }

            MptcpRejection.Note(context, policy, feature);
        }

        return _next(context);
    }

    private static string[] GetPolicyNames(IReadOnlyList<object> metadata) =>
        metadata.Any(item => item is AllowTcpFallbackAttribute)
            ? []
            : [.. metadata.OfType<RequireMptcpAttribute>().Select(attribute => attribute.PolicyName).Distinct()];

    private sealed class GuardMark
    {
        // What lists of endpoints show.
        public override string ToString() => "Guarded by RequireMptcp";
    }
}
