using System.Net;
using System.Net.Sockets;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks;

/// <summary>GetStatus against the bare system calls that it makes: a function pointer and the raw descriptor, no handle, no errno.</summary>
internal sealed unsafe class StatusBenchmark : IDisposable
{
    private readonly Socket _listener;
    private readonly Socket _socket;
    private readonly Socket _peer;
    private readonly int _descriptor;

    private StatusBenchmark(MptcpStatus status)
    {
        _listener = Open(mptcp: status != MptcpStatus.FellBack);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        var client = Open(mptcp: status != MptcpStatus.NotNegotiated);
        client.Connect(_listener.LocalEndPoint!);
        var accepted = _listener.Accept();

        // Only a dialled connection falls back at once.
        (_socket, _peer) = status == MptcpStatus.FellBack ? (client, accepted) : (accepted, client);
        _descriptor = (int)_socket.Handle;
        if (MptcpSocket.GetStatus(_socket) != status)
        {
            throw new InvalidOperationException($"The connection is {MptcpSocket.GetStatus(_socket)}.");
        }
    }

    public static void Run()
    {
        foreach (var status in new[] { MptcpStatus.Active, MptcpStatus.NotNegotiated, MptcpStatus.FellBack })
        {
            using var benchmark = new StatusBenchmark(status);
            Comparison.Run($"GetStatus, {status.ToToken()}, against its bare system calls", benchmark.GetStatus, benchmark.CallKernel);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _peer.Dispose();
        _listener.Dispose();
    }

    private void GetStatus(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            MptcpSocket.GetStatus(_socket);
        }
    }

    /// <summary>SO_PROTOCOL, and MPTCP_INFO where that is not the end of it.</summary>
    private void CallKernel(int calls)
    {
        var info = stackalloc byte[96];
        for (var i = 0; i < calls; i++)
        {
            int protocol;
            var length = sizeof(int);
            LibC.GetSockOpt(_descriptor, 1, 38, &protocol, &length);
            if (protocol == 262)
            {
                length = 96;
                LibC.GetSockOpt(_descriptor, 284, 1, info, &length);
            }
        }
    }

    private static Socket Open(bool mptcp) => mptcp
        ? MptcpSocket.Create(AddressFamily.InterNetwork)
        : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
}
