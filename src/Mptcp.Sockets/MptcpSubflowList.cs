using System.Collections;
using System.Globalization;

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

    /// <summary>The addresses of the subflows, or the reason why there are none.</summary>
    /// <returns>Such as <c>1 subflow: 192.0.2.1:443 → 198.51.100.9:51544</c>. Never the token.</returns>
    public override string ToString() => _subflows switch
    {
        [] => $"no subflows: {WhyEmpty}",
        [var only] => $"1 subflow: {only}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{_subflows.Length} subflows: {string.Join(", ", _subflows)}"),
    };

    IEnumerator IEnumerable.GetEnumerator() => _subflows.GetEnumerator();
}
