using Microsoft.AspNetCore.Http;

namespace Mptcp.AspNetCore;

/// <summary>
/// The options of a policy: the requirements of <c>RequireMptcp</c>, and the response to requests that don't meet them. Set by
/// <c>services.AddMptcpPolicy(…)</c>. They are looked up for each request, so a change of the configuration that they are bound to applies at once.
/// </summary>
public sealed class MptcpPolicyOptions
{
    private int _minimumSubflows = 1;
    private int _statusCode = StatusCodes.Status403Forbidden;
    private TimeSpan _subflowTimeout = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The minimum number of subflows of the connection. Defaults to 1: Multipath TCP, over any number of paths. No connection meets 2 or
    /// more on a kernel that doesn't report subflows (before Linux 5.16); a kernel before Linux 6.8 can count one too many
    /// (<see cref="Sockets.MptcpInfo.Subflows"/>).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1, or more than 255, which is the maximum of a connection.</exception>
    public int MinimumSubflows
    {
        get => _minimumSubflows;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, byte.MaxValue);
            _minimumSubflows = value;
        }
    }

    /// <summary>
    /// How long a request waits for missing subflows (<see cref="MinimumSubflows"/>). Only requests on a connection that was accepted less than
    /// five seconds ago wait, because a client opens its further paths after the first data. Defaults to one second; zero doesn't wait.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, or more than one minute.</exception>
    public TimeSpan SubflowTimeout
    {
        get => _subflowTimeout;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromMinutes(1));
            _subflowTimeout = value;
        }
    }

    /// <summary>The status code of the rejection. Defaults to 403.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 400, or more than 599.</exception>
    public int StatusCode
    {
        get => _statusCode;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 400);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 599);
            _statusCode = value;
        }
    }

    /// <summary>
    /// Whether requests that don't meet the policy are served, counted and logged at Information, so that you see what the policy would reject
    /// before it does. Defaults to false.
    /// </summary>
    public bool MonitorOnly { get; set; }

    /// <summary>
    /// Called for each rejected request, after the status code and <c>Cache-Control: no-store</c> are set and before the body is written. If the
    /// callback writes a response, the problem details are left out. Not called while <see cref="MonitorOnly"/> is set. Defaults to null.
    /// </summary>
    public Func<MptcpRejectedContext, ValueTask>? OnRejected { get; set; }
}
