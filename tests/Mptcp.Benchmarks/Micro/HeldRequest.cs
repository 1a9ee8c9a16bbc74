using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Mptcp.Sockets;

namespace Mptcp.Benchmarks.Micro;

/// <summary>A request that Kestrel with UseMptcp has received and not answered: its context belongs to whoever holds it.</summary>
internal sealed class HeldRequest : IDisposable
{
    private readonly WebApplication _app;
    private readonly Socket _client;
    private readonly TaskCompletionSource _release;

    private HeldRequest(WebApplication app, Socket client, HttpContext context, TaskCompletionSource release)
    {
        _app = app;
        _client = client;
        Context = context;
        _release = release;
    }

    public HttpContext Context { get; }

    public static async Task<HeldRequest> StartAsync(bool mptcp)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.UseMptcp();
        var app = builder.Build();
        var arrived = new TaskCompletionSource<HttpContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Run(context =>
        {
            arrived.TrySetResult(context);
            return release.Task;
        });
        await app.StartAsync();
        var client = mptcp ? MptcpSocket.Create(AddressFamily.InterNetwork) : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, new Uri(app.Urls.Single()).Port);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
        return new HeldRequest(app, client, await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30)), release);
    }

    public void Dispose()
    {
        _release.TrySetResult();
        _client.Dispose();
        _app.StopAsync().GetAwaiter().GetResult();
        ((IDisposable)_app).Dispose();
    }
}
