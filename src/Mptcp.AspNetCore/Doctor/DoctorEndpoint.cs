using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>Answers with the report, as text or JSON.</summary>
internal static class DoctorEndpoint
{
    private static readonly DoctorJson s_json = new(new JsonSerializerOptions(DoctorJson.Default.Options) { Encoder = DiagnosticResponse.Encoder });

    public static async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Query["format"].ToString() is not ("" or "json" or "text") and var format)
        {
            await DiagnosticResponse.WriteBadQueryAsync(context, "format", format, "text, json");
            return;
        }

        // The only public sign of HTTP/3 is the Alt-Svc header that Kestrel adds when the response starts. So both reports are ready by then,
        // and nothing can fail afterwards. Without the header another endpoint may still advertise HTTP/3: that is not known.
        var isJson = WantsJson(context.Request);
        var report = await MptcpDoctor.ExamineAsync(context.RequestServices, context.RequestAborted);
        var (answer, answerWithHttp3) = (Render(report, isJson), Render(report.WithHttp3(), isJson));

        var response = context.Response;
        response.ContentType = isJson ? DiagnosticResponse.Json : "text/plain; charset=utf-8";
        await response.StartAsync(context.RequestAborted);
        var advertisesHttp3 = HttpProtocol.IsHttp3(context.Request.Protocol) || response.Headers.AltSvc.ToString().Contains("h3", StringComparison.Ordinal);
        await response.Body.WriteAsync(advertisesHttp3 ? answerWithHttp3 : answer, context.RequestAborted);
    }

    private static byte[] Render(MptcpHostReport report, bool isJson) => isJson
        ? JsonSerializer.SerializeToUtf8Bytes(report, s_json.MptcpHostReport)
        : Encoding.UTF8.GetBytes(report.ToString());

    /// <summary>Text unless JSON is asked for by its name.</summary>
    private static bool WantsJson(HttpRequest request) => request.Query["format"].ToString() switch
    {
        "json" => true,
        "text" => false,
        _ => (from accepted in request.GetTypedHeaders().Accept
              let isJson = accepted.MediaType.Equals(DiagnosticResponse.Json, StringComparison.OrdinalIgnoreCase)
              where isJson || accepted.MediaType.StartsWith("text/", StringComparison.OrdinalIgnoreCase)
              orderby accepted.Quality ?? 1 descending
              select isJson).FirstOrDefault(),
    };
}
