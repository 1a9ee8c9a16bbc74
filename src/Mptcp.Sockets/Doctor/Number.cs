namespace Mptcp.Sockets.Doctor;

/// <summary>Numbers in sentences.</summary>
internal static class Number
{
    public static string Of(long count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";
}
