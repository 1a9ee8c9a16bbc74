using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>Answers with the report, as text or JSON, to those who may have it.</summary>
internal sealed class DoctorEndpoint
{
    private const string Json = "application/json";
    private bool _hasSaidClosed;

    public Task InvokeAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return IsOpen(context) ? AnswerAsync(context) : RefuseAsync(context);
    }

    /// <summary>
    /// Metadata is looked at with each request: RequireAuthorization is called on what MapMptcpDoctor returns. Whether somebody is
    /// authorized is the middleware's business, without which the framework serves no endpoint that asks for it.
    /// </summary>
    private static bool IsOpen(HttpContext context) =>
        context.RequestServices.GetRequiredService<IWebHostEnvironment>().IsDevelopment()
        || context.GetEndpoint()?.Metadata is { } metadata
            && (metadata.GetMetadata<IAuthorizeData>() is not null || metadata.GetMetadata<IAllowAnonymous>() is not null);

    private static async Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        var isJson = WantsJson(context.Request);
        response.ContentType = isJson ? Json : "text/plain; charset=utf-8";

        // Kestrel adds Alt-Svc when the response starts. That header of this very response is the one public sign of HTTP/3; without
        // it another endpoint may still have it.
        await response.StartAsync(context.RequestAborted);
        bool? advertisesHttp3 = HttpProtocol.IsHttp3(context.Request.Protocol)
            || response.Headers.AltSvc.ToString().Contains("h3", StringComparison.Ordinal) ? true : null;

        var report = await MptcpDoctor.ExamineAsync(context.RequestServices, advertisesHttp3, context.RequestAborted);
        if (isJson)
        {
            await JsonSerializer.SerializeAsync(response.Body, report, DoctorJson.Default.MptcpHostReport, context.RequestAborted);
        }
        else
        {
            await response.WriteAsync(report.ToString(), context.RequestAborted);
        }
    }

    private Task RefuseAsync(HttpContext context)
    {
        // Once: anybody can ask as often as he likes.
        if (!Interlocked.Exchange(ref _hasSaidClosed, true))
        {
            var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(Log.Category);
            DoctorLog.Closed(logger, context.Request.Path, context.RequestServices.GetRequiredService<IWebHostEnvironment>().EnvironmentName);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    /// <summary>Text unless JSON is asked for by its name.</summary>
    private static bool WantsJson(HttpRequest request) => request.Query["format"].ToString() switch
    {
        "json" => true,
        "text" => false,
        _ => (from accepted in request.GetTypedHeaders().Accept
              let isJson = accepted.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase)
              where isJson || accepted.MediaType.StartsWith("text/", StringComparison.OrdinalIgnoreCase)
              orderby accepted.Quality ?? 1 descending
              select isJson).FirstOrDefault(),
    };
}
