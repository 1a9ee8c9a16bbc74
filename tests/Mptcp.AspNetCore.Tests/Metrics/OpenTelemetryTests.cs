using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Mptcp.AspNetCore.Tests.Metrics;

public sealed class OpenTelemetryTests
{
    public OpenTelemetryTests() => Requires.Mptcp();

    /// <summary>The SDK, its exporter, and a receiver of OTLP over HTTP, whose messages carry names and attribute values as they are.</summary>
    [Fact]
    public async Task Export_ServerAndClient_ArrivesAtTheReceiver()
    {
        var received = new ConcurrentDictionary<string, string>();
        await using var receiver = await Server.StartAsync(_ => { }, app => app.MapPost("/v1/{signal}", async (HttpContext context, string signal) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.AddOrUpdate(signal, Encoding.Latin1.GetString(body.ToArray()), (_, before) => before + Encoding.Latin1.GetString(body.ToArray()));
        }));
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromMilliseconds(20));
            builder.Services.AddMptcpHostMetrics();
        });
        using var metrics = Sdk.CreateMeterProviderBuilder().AddMeter("Mptcp.*", "Microsoft.AspNetCore.Server.Kestrel")
            .AddOtlpExporter(options => Configure(options, "metrics")).Build();
        using var traces = Sdk.CreateTracerProviderBuilder().AddSource("Microsoft.AspNetCore")
            .AddOtlpExporter(options => Configure(options, "traces")).Build();

        using (var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }.UseMptcp()))
        {
            Assert.Equal("active", await client.GetStringAsync(server.Address));
        }

        await server.GetStatusAsync(mptcp: false);
        Assert.True(traces.ForceFlush());
        Assert.True(metrics.ForceFlush());

        foreach (var name in new[]
        {
            "mptcp.server.connections", "mptcp.server.connection.active", "mptcp.server.subflow.active", "mptcp.server.io", "mptcp.server.retransmitted",
            "mptcp.host.events", "MPCapableSYNRX", "mptcp.client.connections", "mptcp.status", "not_negotiated", "network.io.direction",
        })
        {
            Assert.Contains(name, received["metrics"]);
        }

        foreach (var name in new[] { "mptcp.status", "active", "mptcp.subflow.count", "not_negotiated" })
        {
            Assert.Contains(name, received["traces"]);
        }

        void Configure(OtlpExporterOptions options, string signal)
        {
            options.Protocol = OtlpExportProtocol.HttpProtobuf;
            options.Endpoint = new Uri(receiver.Address, $"/v1/{signal}");
        }
    }
}
