namespace Mptcp.Tests;

/// <summary>A middlebox that begins to remove the options in the middle of a connection.</summary>
internal static class LateFallback
{
    /// <summary>
    /// A connection can fall back to TCP then, unless its kernel has sent something twice, as it has on a busy host: that one ends. Then
    /// it is tried with another.
    /// </summary>
    /// <param name="attempt">What was said where the connection ended; null when it fell back.</param>
    public static async Task UntilItHappensAsync(Func<Task<string?>> attempt)
    {
        for (var attempts = 1; await attempt() is { } ended; attempts++)
        {
            Assert.True(attempts < 3, ended);
        }
    }
}
