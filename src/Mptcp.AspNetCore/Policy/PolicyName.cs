using Microsoft.Extensions.DependencyInjection;

namespace Mptcp.AspNetCore.Policy;

/// <summary>The name of a policy that was added. Named options alone don't show whether a name is misspelled.</summary>
internal sealed record PolicyName(string Name)
{
    /// <summary>Checks that each of these policies was added. The default policy, whose name is empty, always exists.</summary>
    /// <exception cref="InvalidOperationException">One of them was not.</exception>
    public static void ThrowIfUnknown(string[] policies, IServiceProvider services)
    {
        foreach (var name in policies)
        {
            if (name.Length > 0 && !services.GetServices<PolicyName>().Any(known => known.Name == name))
            {
                throw new InvalidOperationException(
                    $"An endpoint requires the Multipath TCP policy \"{name}\", which does not exist. Add it with services.AddMptcpPolicy(\"{name}\", …).");
            }
        }
    }
}
