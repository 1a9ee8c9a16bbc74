namespace Mptcp.AspNetCore.Policy;

/// <summary>Registered with each named policy: options alone can't tell whether a name is a misspelt one.</summary>
internal sealed record PolicyName(string Name);
