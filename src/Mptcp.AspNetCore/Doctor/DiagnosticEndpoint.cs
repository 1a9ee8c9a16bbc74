using System.Collections.Concurrent;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Policy;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>An endpoint that shows facts about the host and its clients. It answers only requests that may see them.</summary>
internal sealed class DiagnosticEndpoint
{
    private readonly string _mappedBy;
    private readonly RequestDelegate _answer;
    private readonly ConcurrentDictionary<string, bool> _loggedReasons = new();

    /// <param name="mappedBy">The method that the application called.</param>
    /// <param name="answer">Writes the answer. Everything that can fail comes before the response starts.</param>
    public DiagnosticEndpoint(string mappedBy, RequestDelegate answer)
    {
        _mappedBy = mappedBy;
        _answer = answer;
    }

    public async Task InvokeAsync(HttpContext context)
    {
        OutputCache.Prevent(context);
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (WhyClosed(context) is { } reason)
        {
            Refuse(context, reason);
            return;
        }

        try
        {
            await _answer(context);
        }
        catch (Exception e) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            DoctorLog.Failed(GetLogger(context), GetRoute(context), e);
            await DiagnosticResponse.WriteProblemAsync(context, StatusCodes.Status500InternalServerError, "The examination failed", e.Message);
        }
    }

    /// <summary>
    /// Reads the metadata at each request: RequireAuthorization is called on the return value of the mapping. The authorization middleware
    /// checks the user; without it, the framework serves no endpoint that requires authorization.
    /// </summary>
    private static string? WhyClosed(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata is { } metadata
            && (metadata.GetMetadata<IAuthorizeData>() is not null || metadata.GetMetadata<IAllowAnonymous>() is not null))
        {
            return null;
        }

        var environment = context.RequestServices.GetRequiredService<IWebHostEnvironment>();
        return environment.IsDevelopment() ? LocalRequest.WhyNot(context) : $"the environment is {environment.EnvironmentName}";
    }

    private void Refuse(HttpContext context, string reason)
    {
        // Each reason once: any peer can ask as often as it likes.
        if (_loggedReasons.TryAdd(reason, true))
        {
            DoctorLog.Closed(GetLogger(context), GetRoute(context), reason, _mappedBy);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
    }

    private static ILogger GetLogger(HttpContext context) =>
        context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(LogCategory.Diagnostics);

    /// <summary>The pattern and not the path of the request: the peer writes a part of the path when the route has a parameter.</summary>
    private static string GetRoute(HttpContext context) => (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "The endpoint";
}
