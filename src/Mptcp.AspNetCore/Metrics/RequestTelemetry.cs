using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>Puts the status on the request's span, when it is recorded, and on its duration, when that is asked for. Before all other middleware.</summary>
internal sealed class RequestTelemetry : IStartupFilter
{
    private readonly bool _tagDuration;

    public RequestTelemetry(IOptions<MptcpTransportOptions> options) => _tagDuration = options.Value.TagRequestDuration;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((HttpContext context, RequestDelegate following) =>
        {
            if (context.Features.Get<IMptcpFeature>() is { } feature)
            {
                Tag(context, feature);
            }

            return following(context);
        });
        next(app);
    };

    private void Tag(HttpContext context, IMptcpFeature feature)
    {
        // A caller's trace makes a span recorded that nobody here listens to.
        if (context.Features.Get<IHttpActivityFeature>()?.Activity is { Recorded: true, IsAllDataRequested: true } activity && activity.Source.HasListeners())
        {
            var status = feature.Status;
            activity.SetTag(ServerMetrics.StatusTag, status.ToTagValue());
            if (status == MptcpStatus.Active && feature.GetSubflowCount() is { } count)
            {
                activity.SetTag("mptcp.subflow.count", count);
            }
        }

        if (_tagDuration && context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.Tags.Add(new(ServerMetrics.StatusTag, feature.Status.ToTagValue()));
        }
    }
}
