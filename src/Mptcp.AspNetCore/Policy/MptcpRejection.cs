using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Policy;

/// <summary>The answer to a request that does not meet a policy.</summary>
internal static class MptcpRejection
{
    /// <summary>Counts and logs a request that the policy would have rejected.</summary>
    public static void Note(HttpContext context, MptcpPolicy policy, IMptcpFeature? feature)
    {
        var rejected = Describe(context, policy, feature);
        context.RequestServices.GetService<ServerMetrics>()?.Rejected(rejected.Status, ServerMetrics.Monitored);
        var logger = GetLogger(context);
        if (logger.IsEnabled(LogLevel.Information))
        {
            PolicyLog.RequestWouldBeRejected(logger, context.Connection.Id, context.TraceIdentifier, policy.DisplayName, rejected.Reason);
        }
    }

    public static async Task WriteAsync(HttpContext context, MptcpPolicy policy, IMptcpFeature? feature)
    {
        var rejected = Describe(context, policy, feature);
        context.RequestServices.GetService<ServerMetrics>()?.Rejected(rejected.Status, ServerMetrics.Request);
        var logger = GetLogger(context);
        if (logger.IsEnabled(LogLevel.Debug))
        {
            PolicyLog.RequestRejected(logger, context.Connection.Id, context.TraceIdentifier, policy.DisplayName, rejected.Reason);
        }

        OutputCache.Prevent(context);
        var response = context.Response;
        response.StatusCode = policy.Options.StatusCode;
        response.Headers[HeaderNames.CacheControl] = "no-store";
        if (rejected.Status == MptcpStatus.Active)
        {
            // The paths that are missing can still be added.
            response.Headers[HeaderNames.RetryAfter] = "1";
        }

        if (policy.Options.OnRejected is { } onRejected)
        {
            await onRejected(rejected);
            if (response.HasStarted)
            {
                return;
            }
        }

        var problem = new ProblemDetails
        {
            // The section of RFC 9110 is that of the status code, which OnRejected may have set; only 403 is always the right one.
            Type = response.StatusCode == StatusCodes.Status403Forbidden ? "https://tools.ietf.org/html/rfc9110#section-15.5.4" : null,
            Title = policy.GetTitle(rejected.Status),
            Status = response.StatusCode,
            Detail = rejected.Reason,
            Extensions = { ["mptcpStatus"] = rejected.Status.ToToken() },
        };
        var service = context.RequestServices.GetService<IProblemDetailsService>();
        if (service is null || !await service.TryWriteAsync(new() { HttpContext = context, ProblemDetails = problem }))
        {
            await WriteAsync(response, problem);
        }
    }

    /// <summary>For applications without AddProblemDetails, and for clients whose Accept header it can't satisfy.</summary>
    private static async Task WriteAsync(HttpResponse response, ProblemDetails problem)
    {
        response.ContentType = "application/problem+json";
        await using var json = new Utf8JsonWriter(response.Body);
        json.WriteStartObject();
        if (problem.Type is not null)
        {
            json.WriteString("type", problem.Type);
        }

        json.WriteString("title", problem.Title);
        json.WriteNumber("status", problem.Status!.Value);
        json.WriteString("detail", problem.Detail);
        json.WriteString("mptcpStatus", (string?)problem.Extensions["mptcpStatus"]);
        json.WriteEndObject();
    }

    private static MptcpRejectedContext Describe(HttpContext context, MptcpPolicy policy, IMptcpFeature? feature)
    {
        var status = feature?.Status ?? MptcpStatus.Unknown;
        var subflows = status == MptcpStatus.Active ? feature!.GetSubflowCount() : null;
        return new MptcpRejectedContext(context, policy.OptionsName.Length == 0 ? null : policy.OptionsName, status, subflows, policy.Explain(status, subflows));
    }

    private static BestEffortLogger GetLogger(HttpContext context) =>
        new BestEffortLogger(context.RequestServices.GetRequiredService<ILoggerFactory>(), LogCategory.Policy);
}
