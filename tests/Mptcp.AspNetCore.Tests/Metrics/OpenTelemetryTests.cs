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

/// <summary>Who listens to meters and spans by their names hears those of all servers of this process: nothing else runs meanwhile.</summary>
[Collection(nameof(OpenTelemetryTests))]
[CollectionDefinition(nameof(OpenTelemetryTests), DisableParallelization = true)]
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

        // Before the application starts: the middleware that sets the attributes exists only if a tracer listens at that time.
        using var traces = Sdk.CreateTracerProviderBuilder().AddSource("Microsoft.AspNetCore")
            .AddOtlpExporter(options => Configure(options, "traces")).Build();
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp(options => options.SamplingInterval = TimeSpan.FromMilliseconds(20));
            builder.Services.AddMptcpHostMetrics();
        });
        using var metrics = Sdk.CreateMeterProviderBuilder().AddMeter("Mptcp.*", "Microsoft.AspNetCore.Server.Kestrel")
            .AddOtlpExporter(options => Configure(options, "metrics")).Build();

        using (var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }.UseMptcp()))
        {
            Assert.Equal("active", await client.GetStringAsync(server.Address));
        }

        await server.GetStatusAsync(mptcp: false);

        // A span ends after its response has.
        await UntilReceivedAsync("traces", () => traces.ForceFlush(), "mptcp.status", "active", "mptcp.subflow.count", "not_negotiated");
        await UntilReceivedAsync(
            "metrics",
            () => metrics.ForceFlush(),
            "mptcp.server.connections", "mptcp.server.connection.active", "mptcp.server.subflow.active", "mptcp.server.io", "mptcp.server.retransmitted",
            "mptcp.host.events", "MPCapableSYNRX", "mptcp.client.connections", "mptcp.status", "not_negotiated", "network.io.direction");

        Task UntilReceivedAsync(string signal, Func<bool> flush, params string[] names) =>
            Wait.UntilAsync(() => flush() && received.TryGetValue(signal, out var text) && names.All(name => text.Contains(name, StringComparison.Ordinal)));

        void Configure(OtlpExporterOptions options, string signal)
        {
            options.Protocol = OtlpExportProtocol.HttpProtobuf;
            options.Endpoint = new Uri(receiver.Address, $"/v1/{signal}");
        }
    }
}
