using Microsoft.AspNetCore.Http;

namespace Mptcp.AspNetCore;

/// <summary>
/// What <c>RequireMptcp</c> demands, and what happens to requests that don't meet it. Set by <c>services.AddMptcpPolicy(…)</c>.
/// </summary>
public sealed class MptcpPolicyOptions
{
    private int _minimumSubflows = 1;
    private int _statusCode = StatusCodes.Status403Forbidden;

    /// <summary>
    /// How many subflows the connection must have at least. Defaults to 1: Multipath TCP, over as many paths as there are. With 2 or more a
    /// kernel that can't tell (before Linux 5.16) meets it never, and one before Linux 6.8 can count one too many
    /// (<see cref="Sockets.MptcpInfo.Subflows"/>).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1, or more than 255, the most there can be.</exception>
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

    /// <summary>The status code of the rejection, 400 to 599. Defaults to 403.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is another one.</exception>
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
    /// Whether requests that don't meet the policy are served all the same, counted and logged at Information, to see what the policy would
    /// reject before it does. Defaults to false.
    /// </summary>
    public bool MonitorOnly { get; set; }

    /// <summary>
    /// Called for each rejected request, with status code and <c>Cache-Control: no-store</c> set and before the body is written. When it
    /// writes a response itself, the problem details are left out. Defaults to null. Not called for what is only monitored.
    /// </summary>
    public Func<MptcpRejectedContext, ValueTask>? OnRejected { get; set; }
}
