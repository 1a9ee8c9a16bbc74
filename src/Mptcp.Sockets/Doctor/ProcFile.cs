namespace Mptcp.Sockets.Doctor;

/// <summary>Files of <c>/proc</c>. Which there are depends on the kernel, and a sandbox may hide any of them.</summary>
internal static class ProcFile
{
    /// <summary>The text without the spaces around it, or null when it can't be read.</summary>
    public static string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
