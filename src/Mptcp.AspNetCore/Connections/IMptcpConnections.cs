namespace Mptcp.AspNetCore;

/// <summary>The live connections of Kestrel's endpoints. A service of every application that calls <c>UseMptcp</c>.</summary>
public interface IMptcpConnections
{
    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>Lists them, in the order in which they were accepted. Asks the kernel nothing, and costs one small object a connection.</summary>
    /// <returns>
    /// The connections of this moment. Each stays live: what it tells is asked when read, and connections of the list can have ended by then.
    /// </returns>
    IReadOnlyList<MptcpServerConnection> GetSnapshot();
}
