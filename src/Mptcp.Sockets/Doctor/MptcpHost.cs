using Mptcp.Sockets.Doctor;

namespace Mptcp.Sockets;

/// <summary>Examines this host: whether it supports Multipath TCP, how it is configured, and why connections don't use it.</summary>
public static class MptcpHost
{
    /// <summary>
    /// Reads the kernel's state of Multipath TCP and reports possible problems, each with the reason and a remedy. It changes nothing, opens no
    /// connection and needs no privileges. The report names the facts that need one and could not be read.
    /// </summary>
    /// <param name="examination">The facts that only the application knows. Defaults to a host without listeners.</param>
    /// <param name="cancellationToken">Checked before the facts are read, which takes a few milliseconds.</param>
    /// <returns>
    /// The report. The facts are read on the calling thread before this method returns: settings, limits, endpoints, addresses and counters are
    /// those of its network namespace.
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
    /// Reads the kernel's counters about Multipath TCP (<c>MPTcpExt</c> of <c>/proc/net/netstat</c>, Linux 5.6). They cover all processes in the
    /// network namespace of the calling thread, since it was created.
    /// </summary>
    /// <returns>
    /// The values by the kernel's names, which depend on its version; empty when it has none. All but <c>MPCurrEstab</c> only grow.
    /// </returns>
    public static IReadOnlyDictionary<string, long> ReadCounters() => CounterReader.Read();
}
