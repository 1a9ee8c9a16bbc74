using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Mptcp.AspNetCore.Doctor;

namespace Mptcp.AspNetCore.Connections;

/// <summary>Answers with a page of the list, as JSON.</summary>
internal static class ConnectionsEndpoint
{
    /// <summary>The maximum number of connections that one request asks for their status: about ten milliseconds of system calls.</summary>
    private const int MostExamined = 10_000;

    private const int BatchSize = 1000;

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

    /// <summary>Reads the connections of a page. The list is locked for one batch at a time, and no status is asked for under the lock.</summary>
    /// <param name="list">The list.</param>
    /// <param name="query">The page.</param>
    /// <param name="total">The number of connections in the list.</param>
    /// <param name="next">The position after the last connection that was examined; <c>null</c> at the end of the list.</param>
    private static IReadOnlyList<MptcpServerConnection> Read(ConnectionList list, in ConnectionsQuery query, out int total, out int? next)
    {
        if (query.Status is not { } status)
        {
            var page = list.GetPage(query.Skip, query.Take, out total);
            next = page.Count > 0 && query.Skip + page.Count < total ? query.Skip + page.Count : null;
            return page;
        }

        var found = new List<MptcpServerConnection>();
        var position = query.Skip;
        IReadOnlyList<MptcpServerConnection> batch;
        do
        {
            // Connections that end meanwhile move the others: one can be missed, or be on two pages.
            batch = list.GetPage(position, query.Take == 0 ? 0 : BatchSize, out total);
            for (var i = 0; i < batch.Count && found.Count < query.Take; i++, position++)
            {
                if (batch[i].Mptcp.Status == status)
                {
                    found.Add(batch[i]);
                }
            }
        }
        while (batch.Count > 0 && found.Count < query.Take && position - query.Skip < MostExamined);

        next = position > query.Skip && position < total ? position : null;
        return found;
    }
}
