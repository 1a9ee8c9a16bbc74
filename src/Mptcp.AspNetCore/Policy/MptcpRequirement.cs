using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Policy;

/// <summary>Whether a request may reach an endpoint, and the answer when it may not.</summary>
internal static class MptcpRequirement
{
    private const string Title = "Multipath TCP required";
    private const string Type = "https://tools.ietf.org/html/rfc9110#section-15.5.4";

    public static bool IsDemandedBy(EndpointMetadataCollection metadata) =>
        metadata.GetMetadata<RequireMptcpAttribute>() is not null && metadata.GetMetadata<AllowTcpFallbackAttribute>() is null;

    /// <summary>
    /// Checks when the endpoint is about to run, so that nothing that happens before can change the answer. Only what is known to be
    /// Multipath TCP passes: a missing feature or an unknown status does not.
    /// </summary>
    public static RequestDelegate Guard(RequestDelegate next) =>
        context => GetStatus(context) == MptcpStatus.Active ? next(context) : RejectAsync(context);

    private static async Task RejectAsync(HttpContext context)
    {
        var status = GetStatus(context);
        var response = context.Response;
        response.StatusCode = StatusCodes.Status403Forbidden;
        response.Headers[HeaderNames.CacheControl] = "no-store";

        var problem = new ProblemDetails
        {
            Type = Type,
            Title = Title,
            Status = StatusCodes.Status403Forbidden,
            Detail = $"This resource is served over Multipath TCP only, and {status.Explain()}.",
            Extensions = { ["mptcpStatus"] = status.ToToken() },
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
        json.WriteString("type", problem.Type);
        json.WriteString("title", problem.Title);
        json.WriteNumber("status", StatusCodes.Status403Forbidden);
        json.WriteString("detail", problem.Detail);
        json.WriteString("mptcpStatus", (string?)problem.Extensions["mptcpStatus"]);
        json.WriteEndObject();
    }

    private static MptcpStatus GetStatus(HttpContext context) =>
        context.Features.Get<IMptcpFeature>()?.Status ?? MptcpStatus.Unknown;
}
