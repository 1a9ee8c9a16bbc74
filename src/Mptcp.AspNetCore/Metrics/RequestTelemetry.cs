using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>Puts the status on the span and on the duration of requests, before all other middleware.</summary>
/// <remarks>
/// Only where the duration is to be tagged or a tracer listens when the application starts: otherwise no request passes through here.
/// A tracer is a hosted service, which starts before the server does, or is there before the host. Nothing reports a listener that comes later.
/// </remarks>
internal sealed class RequestTelemetry : IStartupFilter
{
    private readonly bool _tagDuration;

    private readonly ActivitySource? _spans;

    /// <param name="options">The options.</param>
    /// <param name="spans">The source of the spans of requests, as hosting registers it.</param>
    public RequestTelemetry(IOptions<MptcpTransportOptions> options, ActivitySource? spans = null)
    {
        _tagDuration = options.Value.TagRequestDuration;
        _spans = spans;
    }

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        if (_tagDuration || _spans?.HasListeners() == true)
        {
            app.Use(following => context =>
            {
                if (context.Features.Get<IMptcpFeature>() is { } feature)
                {
                    Tag(context, feature);
                }

                return following(context);
            });
        }

        next(app);
    };

    private void Tag(HttpContext context, IMptcpFeature feature)
    {
        // A caller's trace makes a span recorded that no listener here wants.
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
