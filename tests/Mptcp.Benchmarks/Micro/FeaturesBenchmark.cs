using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Micro;

/// <summary>
/// An application with status header, policy and metrics that somebody listens to, against the same without them. Client and servers are in
/// one process, so what is allocated is everybody's; the client allocates nothing.
/// </summary>
internal sealed class FeaturesBenchmark : IDisposable
{
    private const string CongestionControl = "reno";

    // <linux/tcp.h>
    private const int SOL_TCP = 6;
    private const int TCP_CONGESTION = 13;

    private const string Guarded = "/strict";
    private const string Open = "/open";

    private static readonly byte[] s_body = "Hello, World!"u8.ToArray();

    private readonly Socket _socket;
    private readonly byte[] _request;
    private readonly byte[] _buffer = new byte[1024];
    private readonly int _responseLength;

    private FeaturesBenchmark(IPEndPoint server, bool mptcp)
    {
        _socket = mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _socket.SetRawSocketOption(SOL_TCP, TCP_CONGESTION, Encoding.ASCII.GetBytes(CongestionControl));
        _socket.NoDelay = true;
        _socket.Connect(server);

        // A policy is for those who meet it; the others get what has none.
        _request = Encoding.ASCII.GetBytes($"GET {(mptcp ? Guarded : Open)} HTTP/1.1\r\nHost: x\r\n\r\n");
        _socket.Send(_request);
        _responseLength = _socket.Receive(_buffer);
        if (!Encoding.ASCII.GetString(_buffer, 0, _responseLength).EndsWith("Hello, World!", StringComparison.Ordinal))
        {
            throw new InvalidOperationException("The response did not come in one piece.");
        }
    }

    public static async Task RunAsync(Report report, Effort effort)
    {
        var section = report.AddSection("Header, policy and metrics");
        section.Explain($"""
            Kestrel with UseMptcp, keep-alive GET of 13 bytes, client and servers in one process; over loopback, congestion control {CongestionControl}.
            RequireMptcp asks the kernel for each request. "All on" is the status header, a policy on the endpoint (for the MPTCP client), and a listener to every instrument of Mptcp.AspNetCore and of Kestrel.
            """);
        var table = section.AddTable(Comparison.Columns);
        await using var plain = await StartAsync(allOn: false);
        await using var same = await StartAsync(allOn: false);
        await using var guarded = await StartAsync(allOn: false, isGuarded: true);
        await using var allOn = await StartAsync(allOn: true, isGuarded: true);
        using var listener = Listen(allOn);
        foreach (var mptcp in new[] { true, false })
        {
            using var ours = new FeaturesBenchmark(AddressOf(allOn), mptcp);
            using var rival = new FeaturesBenchmark(AddressOf(plain), mptcp);
            using var control = new FeaturesBenchmark(AddressOf(same), mptcp);
            var client = mptcp ? "MPTCP client" : "TCP client";
            table.Add(Comparison.Run($"{client}, without, against itself", control.Request, rival.Request, calls: 300, effort.Pairs));
            if (mptcp)
            {
                using var guardedOnly = new FeaturesBenchmark(AddressOf(guarded), mptcp);
                table.Add(Comparison.Run($"{client}, RequireMptcp, against without", guardedOnly.Request, rival.Request, calls: 300, effort.Pairs));
            }

            table.Add(Comparison.Run($"{client}, all on, against without", ours.Request, rival.Request, calls: 300, effort.Pairs));
        }
    }

    public void Dispose() => _socket.Dispose();

    private static async Task<WebApplication> StartAsync(bool allOn, bool isGuarded = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.UseMptcp(options => options.CongestionControl = CongestionControl);
        var app = builder.Build();
        if (allOn)
        {
            app.UseMptcpStatusHeader();
        }

        var guarded = app.MapGet(Guarded, AnswerAsync);
        if (isGuarded)
        {
            guarded.RequireMptcp();
        }

        app.MapGet(Open, AnswerAsync);
        await app.StartAsync();
        return app;
    }

    private static Task AnswerAsync(HttpContext context)
    {
        context.Response.ContentLength = s_body.Length;
        return context.Response.Body.WriteAsync(s_body).AsTask();
    }

    private static MeterListener Listen(WebApplication app)
    {
        var scope = app.Services.GetRequiredService<IMeterFactory>();
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Scope == scope && instrument.Meter.Name is "Mptcp.AspNetCore" or "Microsoft.AspNetCore.Server.Kestrel")
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => { });
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => { });
        listener.Start();
        return listener;
    }

    private static IPEndPoint AddressOf(WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return new IPEndPoint(IPAddress.Parse(address.Host), address.Port);
    }

    private void Request(int calls)
    {
        for (var i = 0; i < calls; i++)
        {
            _socket.Send(_request);
            for (var received = 0; received < _responseLength;)
            {
                received += _socket.Receive(_buffer);
            }
        }
    }
}
