using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>Responses of the diagnostic endpoints.</summary>
internal static class DiagnosticResponse
{
    public const string Json = "application/json";

    /// <summary>
    /// Writes commands such as <c>tcpdump 'tcp[13] &amp; 2 != 0'</c> as they are. Safe because no browser takes these responses for HTML: their
    /// type is a JSON one, and it is not sniffed.
    /// </summary>
    public static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>Sends a bad request: names the parameter, its value and the allowed values.</summary>
    public static Task WriteBadQueryAsync(HttpContext context, string parameter, string value, string allowed) => WriteProblemAsync(
        context, StatusCodes.Status400BadRequest, "Bad query", $"The query parameter {parameter} is \"{value}\". Allowed: {allowed}.");

    /// <summary>Sends a problem (RFC 9457).</summary>
    public static async Task WriteProblemAsync(HttpContext context, int status, string title, string detail)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter, new JsonWriterOptions { Encoder = Encoder });
        json.WriteStartObject();
        json.WriteString("title", title);
        json.WriteNumber("status", status);
        json.WriteString("detail", detail);
        json.WriteEndObject();
    }
}
