using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>Answers with the report, as text or JSON.</summary>
internal static class DoctorEndpoint
{
    private const string Json = "application/json";

    public static async Task AnswerAsync(HttpContext context)
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
