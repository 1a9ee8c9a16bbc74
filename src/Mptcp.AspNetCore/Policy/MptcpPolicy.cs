using System.Diagnostics;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Policy;

/// <summary>A policy and the name of its options, which is empty for the default policy.</summary>
internal readonly record struct MptcpPolicy(string OptionsName, MptcpPolicyOptions Options)
{
    private const string DefaultName = "default";

    /// <summary>The age up to which a connection can still be opening its paths: a client joins after the first data.</summary>
    private static readonly TimeSpan s_youngFor = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>The name in logs.</summary>
    public string DisplayName => OptionsName.Length == 0 ? DefaultName : OptionsName;

    /// <summary>Whether a connection meets the policy, by an answer of the kernel that is given now.</summary>
    public bool IsMetBy(IMptcpFeature? feature)
    {
        if (feature is null)
        {
            return false;
        }

        // Asks the kernel at every call. The status is that of this answer, and not one that is up to a second old: the connection can have
        // fallen back since.
        feature.TryGetInfo(out _);
        return feature.Status == MptcpStatus.Active && HasSubflows(feature);
    }

    /// <summary>Whether a connection meets the policy, after waiting for its subflows if it is young.</summary>
    public async ValueTask<bool> IsMetInTimeAsync(IMptcpFeature? feature, CancellationToken cancellationToken)
    {
        if (IsMetBy(feature))
        {
            return true;
        }

        if (Options.MinimumSubflows == 1 || feature is not ConnectionEntry connection || connection.Age >= s_youngFor)
        {
            return false;
        }

        var startedAt = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(s_pollInterval);
        try
        {
            while (feature.Status == MptcpStatus.Active && Stopwatch.GetElapsedTime(startedAt) < Options.SubflowTimeout)
            {
                await timer.WaitForNextTickAsync(cancellationToken);
                if (IsMetBy(feature))
                {
                    return true;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client is gone.
        }

        return false;
    }

    /// <summary>The title of the rejection.</summary>
    public string GetTitle(MptcpStatus status) =>
        status != MptcpStatus.Active ? "Multipath TCP required" : $"At least {Options.MinimumSubflows} Multipath TCP paths required";

    /// <summary>The reason of the rejection.</summary>
    public string Explain(MptcpStatus status, int? subflowCount) => status != MptcpStatus.Active
        ? $"This resource is served over Multipath TCP only, and {status.Explain()}."
        : $"This resource is served over at least {Options.MinimumSubflows} paths, and {(subflowCount is null ? "it is not known how many the connection has" : $"the connection has {subflowCount}")}.";

    private bool HasSubflows(IMptcpFeature feature) =>
        Options.MinimumSubflows == 1 || feature.GetSubflowCount() >= Options.MinimumSubflows;
}
