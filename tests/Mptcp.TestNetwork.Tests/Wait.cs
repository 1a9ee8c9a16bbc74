using System.Diagnostics;

namespace Mptcp.TestNetwork.Tests;

/// <summary>Waits for what comes to pass, so that a busy machine makes a test slow and not red.</summary>
internal static class Wait
{
    public static async Task UntilAsync(Func<bool> condition, Func<string> otherwise) =>
        await UntilAsync(() => Task.FromResult(condition()), otherwise);

    public static async Task UntilAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        for (var clock = Stopwatch.StartNew(); !await condition(); await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), otherwise());
        }
    }
}
