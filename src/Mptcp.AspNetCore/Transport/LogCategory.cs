namespace Mptcp.AspNetCore.Transport;

/// <summary>The log categories. A filter for <c>Mptcp.AspNetCore</c> applies to all of them.</summary>
internal static class LogCategory
{
    /// <summary>Listeners and accepted connections.</summary>
    public const string Transport = "Mptcp.AspNetCore.Transport";

    /// <summary>Paths that are added or lost.</summary>
    public const string Paths = "Mptcp.AspNetCore.Paths";

    /// <summary>Requirements: <c>RequireMptcp</c> and its policies.</summary>
    public const string Policy = "Mptcp.AspNetCore.Policy";

    /// <summary>Clients that connect.</summary>
    public const string Clients = "Mptcp.AspNetCore.Clients";

    /// <summary>The diagnostic endpoints.</summary>
    public const string Diagnostics = "Mptcp.AspNetCore.Diagnostics";
}
