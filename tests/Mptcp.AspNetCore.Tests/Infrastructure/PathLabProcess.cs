using System.Globalization;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>The sample PathLab as a process of its own.</summary>
internal static class PathLabProcess
{
    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "PathLab.dll");

    public static RunningProgram Start(params string[] arguments) => RunningProgram.Start("dotnet", [Assembly, .. arguments]);

    /// <summary>The names of the network namespaces that a process has made and not removed.</summary>
    public static string[] NamespacesOf(int processId)
    {
        var folder = new DirectoryInfo("/run/netns");
        return folder.Exists
            ? [.. folder.GetFiles(string.Create(CultureInfo.InvariantCulture, $"*-{processId}-*")).Select(file => file.Name)]
            : [];
    }
}
