using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Mptcp.Sockets.Tests.Doctor;

internal static class Wait
{
    public static async Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"Never happened: {what}");
        }
    }
}
