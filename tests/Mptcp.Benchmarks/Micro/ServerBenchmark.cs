using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Micro;

/// <summary>
/// A request and a connection of Kestrel with UseMptcp, against stock Kestrel and against itself. Client and servers are in one process, so the
/// allocations are those of all of them; the client allocates a socket for each connection, the same for each server.
/// </summary>
internal sealed class ServerBenchmark : IDisposable
{
    private static readonly byte[] s_request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    private static readonly byte[] s_lastRequest = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    private static readonly byte[] s_body = "Hello, World!"u8.ToArray();

    private readonly IPEndPoint _server;
    private readonly bool _mptcp;
    private readonly byte[] _buffer = new byte[1024];
    private readonly Socket _socket;
    private readonly int _responseLength;

    private ServerBenchmark(WebApplication server, bool mptcp)
    {
        _server = new IPEndPoint(IPAddress.Loopback, new Uri(server.Urls.Single()).Port);
        _mptcp = mptcp;
        _socket = Connect();
        _socket.Send(s_request);
        _responseLength = _socket.Receive(_buffer);
    }

    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("UseMptcp against stock Kestrel, one request and one connection");
        section.Explain("""
            GET of 13 bytes, client and servers in one process, over loopback. "Connection" connects, sends one request and closes. Stock Kestrel serves TCP
            only, so for MPTCP clients the rival is a second instance of ours. "Traced" has a listener to the spans of ASP.NET Core, which records all of them,
            and "stock traced" that too.
            """);
        var table = section.AddTable(Comparison.Columns);
        await using var ours = await StartAsync(useMptcp: true);
        await using var again = await StartAsync(useMptcp: true);
        await using var stock = await StartAsync(useMptcp: false);
        await using var stockAgain = await StartAsync(useMptcp: false);
        await using var tagging = await StartAsync(useMptcp: true, tagRequestDuration: true);
        Compare("TCP client, stock against itself", stock, stockAgain, mptcp: false);
        Compare("TCP client, UseMptcp against stock", ours, stock, mptcp: false);
        Compare("TCP client, UseMptcp with TagRequestDuration against UseMptcp", tagging, ours, mptcp: false);
        Compare("MPTCP client, UseMptcp against itself", ours, again, mptcp: true);

        // Last: a listener cannot be taken from servers that have it.
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        await using var traced = await StartAsync(useMptcp: true);
        Compare("TCP client, traced, UseMptcp against stock traced", traced, stock, mptcp: false);

        void Compare(string what, WebApplication server, WebApplication rival, bool mptcp)
        {
            using var mine = new ServerBenchmark(server, mptcp);
            using var theirs = new ServerBenchmark(rival, mptcp);
            table.Add(Comparison.Run($"{what}, request", mine.Request, theirs.Request, calls: 300, effort.Pairs));
            table.Add(Comparison.Run($"{what}, connection", mine.RequestAndClose, theirs.RequestAndClose, calls: 50, effort.Pairs));
        }
    }

    public void Dispose() => _socket.Dispose();

    private static async Task<WebApplication> StartAsync(bool useMptcp, bool tagRequestDuration = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (useMptcp)
        {
            builder.WebHost.UseMptcp(options => options.TagRequestDuration = tagRequestDuration);
        }

        var app = builder.Build();
        app.Run(AnswerAsync);
        await app.StartAsync();
        return app;
    }

    private static Task AnswerAsync(HttpContext context)
    {
        context.Response.ContentLength = s_body.Length;
        return context.Response.Body.WriteAsync(s_body).AsTask();
    }

    private Socket Connect()
    {
        var socket = _mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.NoDelay = true;
        socket.Connect(_server);
        return socket;
    }

    private void Request(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            _socket.Send(s_request);
            for (var received = 0; received < _responseLength;)
            {
                received += _socket.Receive(_buffer);
            }
        }
    }

    private void RequestAndClose(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            using var socket = Connect();
            socket.Send(s_lastRequest);
            while (socket.Receive(_buffer) > 0)
            {
                // To its end, which the server makes.
            }
        }
    }
}
