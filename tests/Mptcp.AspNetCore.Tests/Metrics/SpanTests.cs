using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Metrics;

[Collection(nameof(OpenTelemetryTests))]
public sealed class SpanTests
{
    public SpanTests() => Requires.Mptcp();

    /// <summary>A tracer starts with the host, whatever the order in which it and UseMptcp are added.</summary>
    [Theory]
    [InlineData(true, true, "active", 1)]
    [InlineData(true, false, "not_negotiated", null)]
    [InlineData(false, true, "active", 1)]
    [InlineData(false, false, "not_negotiated", null)]
    public async Task Span_Recorded_HasStatusAndSubflows(bool tracerFirst, bool mptcp, string status, int? subflows)
    {
        using var tracer = new Tracer();
        await using var server = await Server.StartAsync(builder =>
        {
            if (tracerFirst)
            {
                builder.Services.AddHostedService(_ => tracer);
            }

            builder.WebHost.UseMptcp();
            if (!tracerFirst)
            {
                builder.Services.AddHostedService(_ => tracer);
            }
        });

        // Requests of the tests before may end only now.
        var trace = ActivityTraceId.CreateRandom();
        using var client = server.CreateClient(mptcp);
        client.DefaultRequestHeaders.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        await client.GetStringAsync("/");
        var ours = () => tracer.Spans.Where(span => span.TraceId == trace && span.Source.Name == "Microsoft.AspNetCore").ToArray();
        await Wait.UntilAsync(() => ours().Length == 1);
        Assert.Equal(status, ours()[0].GetTagItem("mptcp.status"));
        Assert.Equal(subflows, ours()[0].GetTagItem("mptcp.subflow.count"));
    }

    /// <summary>The pipeline of an application that wants neither spans nor tags has nothing of ours in it.</summary>
    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    public async Task Pipeline_ApplicationStarts_HasMiddlewareOnlyWhereItIsUsed(bool traced, bool tagged, bool expected)
    {
        using var tracer = new Tracer();
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp(options => options.TagRequestDuration = tagged);
                if (traced)
                {
                    builder.Services.AddHostedService(_ => tracer);
                }
            },
            app => app.MapGet("/stack", () => Environment.StackTrace));

        using var client = server.CreateClient(mptcp: true);
        var stack = await client.GetStringAsync("/stack");

        Assert.Contains("EndpointMiddleware", stack);
        Assert.Equal(expected, stack.Contains(nameof(RequestTelemetry), StringComparison.Ordinal));
    }

    /// <summary>Listens to spans as a tracer does: from the start of the host on.</summary>
    private sealed class Tracer : IHostedService, IDisposable
    {
        private readonly ActivityListener _listener;

        public Tracer() => _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Spans.Enqueue,
        };

        public ConcurrentQueue<Activity> Spans { get; } = new();

        public Task StartAsync(CancellationToken cancellationToken)
        {
            ActivitySource.AddActivityListener(_listener);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose() => _listener.Dispose();
    }
}
