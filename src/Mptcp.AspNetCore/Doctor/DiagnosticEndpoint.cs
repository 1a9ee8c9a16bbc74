using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>An endpoint that tells about host and clients, and answers to those only who may have it.</summary>
internal sealed class DiagnosticEndpoint
{
    private readonly string _mappedBy;
    private readonly RequestDelegate _answer;
    private bool _hasSaidClosed;

    /// <param name="mappedBy">The method that the application called.</param>
    /// <param name="answer">Writes the answer.</param>
    public DiagnosticEndpoint(string mappedBy, RequestDelegate answer)
    {
        _mappedBy = mappedBy;
        _answer = answer;
    }

    public Task InvokeAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return IsOpen(context) ? _answer(context) : RefuseAsync(context);
    }

    /// <summary>
    /// Metadata is looked at with each request: RequireAuthorization is called on what the mapping returns. Whether somebody is
    /// authorized is the middleware's business, without which the framework serves no endpoint that asks for it.
    /// </summary>
    private static bool IsOpen(HttpContext context) =>
        context.RequestServices.GetRequiredService<IWebHostEnvironment>().IsDevelopment()
        || context.GetEndpoint()?.Metadata is { } metadata
            && (metadata.GetMetadata<IAuthorizeData>() is not null || metadata.GetMetadata<IAllowAnonymous>() is not null);

    private Task RefuseAsync(HttpContext context)
    {
        // Once: anybody can ask as often as he likes.
        if (!Interlocked.Exchange(ref _hasSaidClosed, true))
        {
            var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(LogCategory.Diagnostics);

            // Not the path that was asked for, of which a parameter of the route would let the peer write a part.
            var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "The endpoint";
            DoctorLog.Closed(logger, route, context.RequestServices.GetRequiredService<IWebHostEnvironment>().EnvironmentName, _mappedBy);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
