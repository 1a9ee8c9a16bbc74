using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>Answers with a page of the list, as JSON.</summary>
internal static class ConnectionsEndpoint
{
    private const int MostAtOnce = 1000;

    public static async Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        if (!TryRead(context.Request.Query["skip"], 0, int.MaxValue, out var skip) || !TryRead(context.Request.Query["take"], 100, MostAtOnce, out var take))
        {
            response.StatusCode = StatusCodes.Status400BadRequest;
            await response.WriteAsync($"skip is a number from 0, take one from 0 to {MostAtOnce}.\n", context.RequestAborted);
            return;
        }

        var connections = context.RequestServices.GetService<IMptcpConnections>()?.GetSnapshot() ?? [];
        response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(response.Body, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("total", connections.Count);
        json.WriteNumber("skip", skip);
        json.WriteStartArray("connections");
        for (var i = skip; i < connections.Count && i - skip < take; i++)
        {
            Write(json, connections[i]);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(context.RequestAborted);
    }

    private static void Write(Utf8JsonWriter json, MptcpServerConnection connection)
    {
        json.WriteStartObject();
        json.WriteString("id", connection.Id);
        json.WriteString("local", connection.LocalEndPoint?.ToString());
        json.WriteString("remote", connection.RemoteEndPoint?.ToString());
        json.WriteString("since", connection.Since);
        json.WriteString("status", connection.Mptcp.Status.ToToken());
        if (connection.Mptcp.TryGetInfo(out var info))
        {
            json.WriteNumber("subflows", info.Subflows);
            WriteNumber("bytesSent", info.BytesSent);
            WriteNumber("bytesReceived", info.BytesReceived);
            WriteNumber("bytesRetransmitted", info.BytesRetransmitted);
        }

        json.WriteEndObject();

        // Kernels before 6.5 count no bytes.
        void WriteNumber(string name, long? value)
        {
            if (value is not null)
            {
                json.WriteNumber(name, value.Value);
            }
        }
    }

    private static bool TryRead(string? text, int fallback, int most, out int value)
    {
        value = fallback;
        return string.IsNullOrEmpty(text)
            || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= most);
    }
}
