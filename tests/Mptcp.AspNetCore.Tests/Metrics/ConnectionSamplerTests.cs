using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.AspNetCore.Transport;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Metrics;

public sealed class ConnectionSamplerTests
{
    /// <summary>It is a background service, whose exception would end the host.</summary>
    [Fact]
    public async Task Sample_LogThatThrows_GoesOn()
    {
        using var log = new BrokenLog();
        await using var services = new ServiceCollection()
            .AddLogging(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug)).AddMetrics()
            .AddSingleton<ConnectionList>().AddSingleton<ServerMetrics>().AddSingleton<KestrelDuration>().AddSingleton<ConnectionServices>()
            .Configure<MptcpTransportOptions>(options => options.SamplingInterval = TimeSpan.FromMilliseconds(10))
            .BuildServiceProvider();
        var list = services.GetRequiredService<ConnectionList>();
        using var metrics = new MetricsRecorder(services.GetRequiredService<IMeterFactory>(), "Mptcp.AspNetCore");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var accepted = await listener.AcceptSocketAsync();

        // Nobody has asked them yet: the sampler learns that they are TCP, and has it logged.
        for (var i = 0; i < 2; i++)
        {
            list.Add(new ConnectionEntry(
                accepted, openedAsMptcp: true, new DefaultConnectionContext($"{i}"), services.GetRequiredService<ConnectionServices>()));
        }

        using var sampler = new ConnectionSampler(list, services.GetRequiredService<IOptions<MptcpTransportOptions>>());
        await sampler.StartAsync(CancellationToken.None);
        await Wait.UntilAsync(() => log.Asked == 2 || sampler.ExecuteTask!.IsFaulted);
        await sampler.StopAsync(CancellationToken.None);

        Assert.Equal((2, false), (log.Asked, sampler.ExecuteTask!.IsFaulted));
    }
}
