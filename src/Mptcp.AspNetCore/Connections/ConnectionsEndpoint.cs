using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Doctor;

namespace Mptcp.AspNetCore.Connections;

/// <summary>Answers with a page of the list, as JSON.</summary>
internal static class ConnectionsEndpoint
{
    public static async Task AnswerAsync(HttpContext context)
    {
        if (await ConnectionsQuery.ReadAsync(context) is not { } query)
        {
            return;
        }

        var total = 0;
        int? next = null;
        var connections = context.RequestServices.GetService<ConnectionList>() is { } list ? Read(list, query, out total, out next) : [];
        var body = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Indented = true, Encoder = DiagnosticResponse.Encoder }))
        {
            json.WriteStartObject();
            json.WriteNumber("total", total);
            json.WriteNumber("skip", query.Skip);
            if (next is { } position)
            {
                json.WriteNumber("next", position);
            }

            json.WriteStartArray("connections");
            foreach (var connection in connections)
            {
                ConnectionJson.Write(json, connection, query.Paths);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        context.Response.ContentType = DiagnosticResponse.Json;
        await context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);
    }

    /// <summary>
    /// Reads the connections of a page. A page by status examines as many connections as the longest page shows, so that no request costs more
    /// than that one. No status is asked for while the list is locked.
    /// </summary>
    /// <param name="list">The list.</param>
    /// <param name="query">The page.</param>
    /// <param name="total">The number of connections in the list.</param>
    /// <param name="next">The position after the last connection that was examined; <c>null</c> at the end of the list.</param>
    private static List<MptcpServerConnection> Read(ConnectionList list, in ConnectionsQuery query, out int total, out int? next)
    {
        var most = query.Status is null || query.Take == 0 ? query.Take : ConnectionsQuery.MostAtOnce;
        var found = new List<MptcpServerConnection>();
        var position = query.Skip;
        foreach (var connection in list.GetPage(query.Skip, most, out total))
        {
            if (found.Count == query.Take)
            {
                break;
            }

            position++;
            if (query.Status is null || connection.Mptcp.Status == query.Status)
            {
                found.Add(connection);
            }
        }

        next = position > query.Skip && position < total ? position : null;
        return found;
    }
}
