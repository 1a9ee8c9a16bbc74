namespace Mptcp.AspNetCore.Tests.Abuse;

/// <summary>Short in CI; MPTCP_TESTS_LONG=1 runs the same with the big numbers (docs/abuse.md).</summary>
internal static class Scale
{
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("MPTCP_TESTS_LONG") == "1";

    public static int Of(int shortly, int atLength) => IsLong ? atLength : shortly;

    /// <summary>Whoever waits for a long run wants to see how far it is.</summary>
    public static void Tell(string line)
    {
        TestContext.Current.TestOutputHelper!.WriteLine(line);
        if (IsLong)
        {
            Console.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {TestContext.Current.TestMethod?.MethodName}: {line}");
        }
    }
}

/// <summary>Nothing else runs meanwhile: memory is weighed here, and descriptors are counted.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AbuseSuite
{
    public const string Name = "Abuse";
}
