
namespace Mptcp.AspNetCore.Transport;

/// <summary>What several parts ask of a feature, which can be one that an application faked.</summary>
internal static class MptcpFeatureExtensions
{
    /// <summary>The number of subflows of a connection that is active; null when it is not known.</summary>
    public static int? GetSubflowCount(this IMptcpFeature feature) =>
        // Ours has counted them when it asked for the status.
        feature is MptcpConnectionFeature ours ? ours.Subflows
        : feature.TryGetInfo(out var info) ? info.Subflows
        : feature.GetSubflows() is { Count: > 0 } subflows ? subflows.Count
        : null;
}
