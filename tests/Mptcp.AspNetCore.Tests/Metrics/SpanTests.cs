using System.Collections.Concurrent;
using System.Diagnostics;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Metrics;

[Collection(nameof(OpenTelemetryTests))]
public sealed class SpanTests
{
    public SpanTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true, "active", 1)]
    [InlineData(false, "not_negotiated", null)]
    public async Task Span_Recorded_HasStatusAndSubflows(bool mptcp, string status, int? subflows)
    {
        var spans = new ConcurrentQueue<Activity>();
        await using var server = await Server.StartAsync();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);

        // Requests of the tests before may end only now.
        var trace = ActivityTraceId.CreateRandom();
        using var client = server.CreateClient(mptcp);
        client.DefaultRequestHeaders.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        await client.GetStringAsync("/");
        var ours = () => spans.Where(span => span.TraceId == trace && span.Source.Name == "Microsoft.AspNetCore").ToArray();
        await Wait.UntilAsync(() => ours().Length == 1);
        Assert.Equal(status, ours()[0].GetTagItem("mptcp.status"));
        Assert.Equal(subflows, ours()[0].GetTagItem("mptcp.subflow.count"));
    }
}
