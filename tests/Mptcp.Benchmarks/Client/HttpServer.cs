using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mptcp.Benchmarks.Client;

/// <summary>What the clients talk to, in a process of its own: Kestrel as it comes, on TCP only, and an echo that is hardly more than the kernel.</summary>
internal static class HttpServer
{
    public const string Argument = "http-server";
    public const string Ready = "The server is up.";

    // Nobody else is in the namespace, and these are not among the ports that its clients are given.
    public const int Http1Port = 80;
    public const int Http2Port = 81;
    public const int EchoPort = 82;

    private static readonly byte[] s_body = "Hello, World!"u8.ToArray();

    public static async Task RunAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, EchoPort));
        listener.Listen();
        new Thread(() => Accept(listener)) { IsBackground = true }.Start();

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, Http1Port);
            kestrel.Listen(IPAddress.Loopback, Http2Port, endpoint => endpoint.Protocols = HttpProtocols.Http2);
        });
        await using var app = builder.Build();
        app.Run(static context =>
        {
            context.Response.ContentLength = s_body.Length;
            return context.Response.Body.WriteAsync(s_body).AsTask();
        });
        await app.StartAsync();
        Console.WriteLine(Ready);
        await app.WaitForShutdownAsync();
    }

    private static void Accept(Socket listener)
    {
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
