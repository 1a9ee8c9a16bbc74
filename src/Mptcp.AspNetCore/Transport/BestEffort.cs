namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Tells loggers and those who listen to meters. They are the application's and can throw, a full disk is enough, and what tells them of a
/// trouble must not end by it.
/// </summary>
internal static class BestEffort
{
    public static void Tell(Action tell)
    {
        try
        {
            tell();
        }
        catch (Exception)
        {
            // It was those who would be told of it that failed.
        }
    }
}
