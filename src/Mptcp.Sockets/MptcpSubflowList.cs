using System.Collections;

namespace Mptcp.Sockets;

/// <summary>The subflows of a connection at one moment, and what the kernel said of the connection at the same moment.</summary>
public sealed class MptcpSubflowList : IReadOnlyList<MptcpSubflow>
{
    private readonly MptcpSubflow[] _subflows;

    internal MptcpSubflowList(MptcpReading connection, MptcpSubflow[] subflows, string? whyEmpty)
    {
        Connection = connection;
        _subflows = subflows;
        WhyEmpty = whyEmpty;
    }

    /// <summary>Status and figures of the connection.</summary>
    public MptcpReading Connection { get; }

    /// <summary>Why there are none, in a sentence; null when there are some.</summary>
    public string? WhyEmpty { get; }

    /// <inheritdoc/>
    public int Count => _subflows.Length;

    /// <inheritdoc/>
    public MptcpSubflow this[int index] => _subflows[index];

    /// <inheritdoc/>
    public IEnumerator<MptcpSubflow> GetEnumerator() => ((IEnumerable<MptcpSubflow>)_subflows).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _subflows.GetEnumerator();
}
