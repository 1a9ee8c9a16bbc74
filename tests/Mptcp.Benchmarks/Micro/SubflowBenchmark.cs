using System.Net;
using System.Net.Sockets;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Micro;

/// <summary>GetSubflows on 1,000 connections, against the bare system call on each.</summary>
internal sealed unsafe class SubflowBenchmark : IDisposable
{
    private const int Connections = 1000;

    private readonly List<Socket> _clients = [];
    private readonly List<Socket> _accepted = [];

    private SubflowBenchmark()
    {
        using var listener = MptcpSocket.Create(AddressFamily.InterNetwork);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        for (var i = 0; i < Connections; i++)
        {
            _clients.Add(MptcpSocket.Create(AddressFamily.InterNetwork));
            _clients[i].Connect(listener.LocalEndPoint!);
            _accepted.Add(listener.Accept());
        }
    }

    public static void Run(Table table, Effort effort)
    {
        using var benchmark = new SubflowBenchmark();
        table.Add(Comparison.Run(
            $"GetSubflows, {Connections} connections in turn, against MPTCP_FULL_INFO", benchmark.GetSubflows, benchmark.CallKernel, Connections, effort.Pairs));
    }

    public void Dispose()
    {
        foreach (var socket in _clients.Concat(_accepted))
        {
            socket.Dispose();
        }
    }

    private void GetSubflows(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            MptcpSocket.GetSubflows(_accepted[i]);
        }
    }

    private void CallKernel(int calls)
    {
        // struct mptcp_full_info, with arrays of one element: sizes at 4, 12 and 20, pointers at 24 and 32.
        var full = stackalloc byte[136];
        var subflow = stackalloc byte[264];
        var tcp = stackalloc byte[280];
        for (var i = 0; i < calls; i++)
        {
            new Span<byte>(full, 136).Clear();
            *(uint*)(full + 4) = 216;
            *(uint*)(full + 12) = 264;
            *(uint*)(full + 20) = 1;
            *(ulong*)(full + 24) = (ulong)subflow;
            *(ulong*)(full + 32) = (ulong)tcp;
            var length = 136;
            LibC.GetSockOpt((int)_accepted[i].Handle, 284, 4, full, &length);
        }
    }
}
