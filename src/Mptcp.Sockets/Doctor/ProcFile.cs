namespace Mptcp.Sockets.Doctor;

/// <summary>Files of <c>/proc</c>. The kernel decides which exist, and a sandbox may hide any of them.</summary>
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

    /// <summary>The files of a folder; none when it does not exist or can't be listed.</summary>
    public static string[] TryList(string folder)
    {
        try
        {
            return Directory.GetFiles(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    public static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
