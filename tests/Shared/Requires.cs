using System.Net;
using System.Net.NetworkInformation;
using Mptcp.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.Tests;

/// <summary>
/// What a test needs of the host. Without it the test is skipped with the reason; where MPTCP_TESTS_REQUIRED is 1, as in CI, it
/// fails.
/// </summary>
internal static class Requires
{
    public static void Mptcp()
    {
        var support = MptcpSupport.Check();
        That(support.IsSupported, support.ToString());
    }

    /// <summary>Containers often have none, although the kernel does.</summary>
    public static void IPv6() => That(
        NetworkInterface.GetAllNetworkInterfaces().Any(device => device.GetIPProperties().UnicastAddresses.Any(address => address.Address.Equals(IPAddress.IPv6Loopback))),
        "This host has no IPv6.");

    /// <summary>Network namespaces, and MPTCP in them.</summary>
    public static void Namespaces()
    {
        Mptcp();
        That(Environment.IsPrivilegedProcess, "Network namespaces need root.");
        Programs("ip");
    }

    public static void Programs(params string[] programs)
    {
        var missing = programs.Where(program => !Command.Exists(program)).ToArray();
        That(missing.Length == 0, $"Not installed: {string.Join(", ", missing)}. ./test.sh installs what the tests need.");
    }

    public static void That(bool condition, string reason)
    {
        if (Environment.GetEnvironmentVariable("MPTCP_TESTS_REQUIRED") == "1")
        {
            Assert.True(condition, $"MPTCP_TESTS_REQUIRED is 1, and: {reason}");
        }

        Assert.SkipUnless(condition, reason);
    }
}
