namespace Mptcp.TestNetwork;

/// <summary>Who makes the path manager open paths over the links that a connection did not begin on. The client opens them in any case.</summary>
public enum PathOpening
{
    /// <summary>The client's further addresses are <c>subflow</c> endpoints: it opens a path from each to the address it connected to.</summary>
    ClientEndpoints,

    /// <summary>The server's further addresses are <c>signal</c> endpoints: it announces them, and the client opens a path to each.</summary>
    ServerSignals,

    /// <summary>Nobody: a connection keeps its one path.</summary>
    None,
}
