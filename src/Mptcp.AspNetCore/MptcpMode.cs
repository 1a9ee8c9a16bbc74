namespace Mptcp.AspNetCore;

/// <summary>Whether an endpoint listens for Multipath TCP.</summary>
public enum MptcpMode
{
    /// <summary>
    /// Multipath TCP for clients that offer it, TCP for all others; where the host can't do it, TCP for everybody, said once at
    /// start with the reason and the remedy.
    /// </summary>
    Preferred = 0,

    /// <summary>As <see cref="Preferred"/>, but where the host can't do it the application does not start.</summary>
    Required,

    /// <summary>Plain TCP, as without this library.</summary>
    Disabled,
}
