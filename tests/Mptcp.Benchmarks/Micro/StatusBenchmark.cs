using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Micro;

/// <summary>GetStatus against the bare system calls that it makes: a function pointer and the raw descriptor, no handle, no errno.</summary>
internal static unsafe class StatusBenchmark
{
    public static void Run(Table table, Effort effort)
    {
        foreach (var status in new[] { MptcpStatus.Active, MptcpStatus.NotNegotiated, MptcpStatus.FellBack })
        {
            using var connection = new Connected(status);
            table.Add(Comparison.Run(
                $"GetStatus, {status.ToToken()}, against its bare system calls",
                calls => GetStatus(connection, calls), calls => CallKernel(connection, calls), calls: 5_000, effort.Pairs));
        }
    }

    private static void GetStatus(Connected connection, int calls)
    {
        var socket = connection.Socket;
        for (var i = 0; i < calls; i++)
        {
            MptcpSocket.GetStatus(socket);
        }
    }

    /// <summary>SO_PROTOCOL, then MPTCP_INFO of an MPTCP socket, then TCP_INFO where that is refused.</summary>
    private static void CallKernel(Connected connection, int calls)
    {
        var descriptor = connection.Descriptor;
        var info = stackalloc byte[216];
        for (var i = 0; i < calls; i++)
        {
            int protocol;
            var length = sizeof(int);
            LibC.GetSockOpt(descriptor, 1, 38, &protocol, &length);
            if (protocol == 262)
            {
                length = 96;
                if (LibC.GetSockOpt(descriptor, 284, 1, info, &length) != 0)
                {
                    length = 216;
                    LibC.GetSockOpt(descriptor, 6, 11, info, &length);
                }
            }
        }
    }
}
