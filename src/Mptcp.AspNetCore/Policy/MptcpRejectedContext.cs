using Microsoft.AspNetCore.Http;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore;

/// <summary>A request that does not meet a policy.</summary>
public sealed class MptcpRejectedContext
{
    internal MptcpRejectedContext(HttpContext httpContext, string? policyName, MptcpStatus status, int? subflowCount, string reason)
    {
        HttpContext = httpContext;
        PolicyName = policyName;
        Status = status;
        SubflowCount = subflowCount;
        Reason = reason;
    }

    /// <summary>The request.</summary>
    public HttpContext HttpContext { get; }

    /// <summary>The name of the policy; <see langword="null"/> for the default policy.</summary>
    public string? PolicyName { get; }

    /// <summary>What is known of the connection; <see cref="MptcpStatus.Unknown"/> also where it can't be asked.</summary>
    public MptcpStatus Status { get; }

    /// <summary>How many subflows it has; null when it is not <see cref="MptcpStatus.Active"/>, or nobody can tell.</summary>
    public int? SubflowCount { get; }

    /// <summary>Why it was rejected, in a sentence.</summary>
    public string Reason { get; }
}
