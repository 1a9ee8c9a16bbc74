using System.Net;
using System.Net.Sockets;

namespace Mptcp.Benchmarks.Client;

/// <summary>Sends back what it receives, over TCP, in a process of its own: hardly more than the kernel.</summary>
internal static class EchoServer
{
    public const string Argument = "echo-server";
    public const string Ready = "The server is up.";

    // Nobody else is in the namespace, and this is not among the ports that its clients are given.
    public const int Port = 82;

    public static void Run()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen();
        Console.WriteLine(Ready);
        while (true)
        {
            var socket = listener.Accept();
            new Thread(() => Echo(socket)) { IsBackground = true }.Start();
        }
    }

    private static void Echo(Socket socket)
    {
        socket.NoDelay = true;
        var buffer = new byte[1024];
        for (int count; (count = socket.Receive(buffer)) > 0;)
        {
            socket.Send(buffer.AsSpan(0, count));
        }
    }
}
