using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Policy;

/// <summary>A policy under its name; the default one has none.</summary>
internal sealed record MptcpPolicy(string Name, MptcpPolicyOptions Options)
{
    public static MptcpPolicy[] Resolve(string[] names, IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptionsMonitor<MptcpPolicyOptions>>();
        foreach (var name in names)
        {
            if (name.Length > 0 && !services.GetServices<PolicyName>().Any(known => known.Name == name))
            {
                throw new InvalidOperationException(
                    $"An endpoint requires the Multipath TCP policy \"{name}\", and there is none of that name. Add it with services.AddMptcpPolicy(\"{name}\", …).");
            }
        }

        return [.. names.Select(name => new MptcpPolicy(name, options.Get(name)))];
    }

    public bool IsMetBy(IMptcpFeature? feature) =>
        feature?.Status == MptcpStatus.Active
        && (Options.MinimumSubflows == 1 || feature.GetSubflowCount() >= Options.MinimumSubflows);

    /// <summary>Why it is not met.</summary>
    public string Explain(MptcpStatus status, int? subflowCount) => status != MptcpStatus.Active
        ? $"This resource is served over Multipath TCP only, and {status.Explain()}."
        : $"This resource is served over at least {Options.MinimumSubflows} paths, and {(subflowCount is null ? "it is not known how many the connection has" : $"the connection has {subflowCount}")}.";
}
