using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Mptcp.Tests;

/// <summary>Waits for what comes to pass, so that a busy machine makes a test slow and not red.</summary>
internal static class Wait
{
    public static Task UntilAsync(
        Func<bool> condition, Func<string>? otherwise = null, [CallerArgumentExpression(nameof(condition))] string? what = null) =>
        UntilAsync(() => Task.FromResult(condition()), otherwise, what);

    public static async Task UntilAsync(
        Func<Task<bool>> condition, Func<string>? otherwise = null, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        for (var clock = Stopwatch.StartNew(); !await condition(); await Task.Delay(5))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), otherwise?.Invoke() ?? $"Never happened: {what}");
        }
    }
}
