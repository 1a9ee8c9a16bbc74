using Mptcp.Sockets.Doctor;

namespace Mptcp.Sockets;

/// <summary>Examines this host: can it do Multipath TCP, how is it set up, and what keeps connections from using it?</summary>
public static class MptcpHost
{
    /// <summary>
    /// Reads what the kernel tells about Multipath TCP and says what may be wrong, why it matters and what mends it. Changes nothing, connects
    /// to nobody and needs no privileges; what a missing one hides is said.
    /// </summary>
    /// <param name="examination">What the kernel does not tell. Defaults to a host without listeners.</param>
    /// <param name="cancellationToken">Asked before the reading, which takes a few milliseconds.</param>
    /// <returns>
    /// The report. It has been read when this returns, on the calling thread and in its network namespace: settings, limits, endpoints,
    /// addresses and counters belong to that.
    /// </returns>
    /// <exception cref="System.Net.Sockets.SocketException">No socket can be opened: no descriptors or memory left.</exception>
    public static Task<MptcpHostReport> ExamineAsync(MptcpExamination? examination = null, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<MptcpHostReport>(cancellationToken);
        }

        try
        {
            return Task.FromResult(new MptcpHostReport(FactsReader.Read(examination ?? new MptcpExamination())));
        }
        catch (Exception e)
        {
            return Task.FromException<MptcpHostReport>(e);
        }
    }

    /// <summary>
    /// Reads the kernel's counters about Multipath TCP (<c>MPTcpExt</c> of <c>/proc/net/netstat</c>, Linux 5.6): of the network namespace of
    /// the calling thread, since it was made, and of all processes in it.
    /// </summary>
    /// <returns>
    /// The values by the kernel's names; which there are depends on the kernel. Empty where there are none. All but <c>MPCurrEstab</c> only grow.
    /// </returns>
    public static IReadOnlyDictionary<string, long> ReadCounters() => CounterReader.Read();
}
