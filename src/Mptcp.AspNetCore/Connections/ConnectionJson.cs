using System.Net;
using System.Text.Json;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Connections;

/// <summary>Writes one connection, without its token: that lets its reader open further paths.</summary>
internal static class ConnectionJson
{
    public static void Write(Utf8JsonWriter json, MptcpServerConnection connection, bool paths)
    {
        json.WriteStartObject();
        json.WriteString("id", connection.Id);
        json.WriteString("local", Format(connection.LocalEndPoint));
        json.WriteString("remote", Format(connection.RemoteEndPoint));
        json.WriteString("since", connection.Since);
        json.WriteString("status", connection.Mptcp.Status.ToToken());
        if (connection.Mptcp.TryGetInfo(out var info))
        {
            json.WriteNumber("subflows", info.Subflows);
            WriteNumber("bytesSent", info.BytesSent);
            WriteNumber("bytesReceived", info.BytesReceived);
            WriteNumber("bytesRetransmitted", info.BytesRetransmitted);
        }

        if (paths)
        {
            // Only the kernel's events report the priority of a path.
            var tracked = (connection.Mptcp as MptcpConnectionFeature)?.Tracked;
            json.WriteStartArray("paths");
            foreach (var subflow in connection.Mptcp.GetSubflows())
            {
                Write(json, subflow, tracked?.IsBackup((subflow.LocalEndPoint, subflow.RemoteEndPoint)));
            }

            json.WriteEndArray();
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

    private static void Write(Utf8JsonWriter json, MptcpSubflow subflow, bool? isBackup)
    {
        json.WriteStartObject();
        json.WriteString("local", Format(subflow.LocalEndPoint));
        json.WriteString("remote", Format(subflow.RemoteEndPoint));
        json.WriteString("state", JsonNamingPolicy.CamelCase.ConvertName(subflow.State.ToString()));
        json.WriteNumber("roundTripTimeMs", subflow.RoundTripTime.TotalMilliseconds);
        json.WriteNumber("bytesSent", subflow.BytesSent);
        json.WriteNumber("bytesReceived", subflow.BytesReceived);
        json.WriteNumber("bytesRetransmitted", subflow.BytesRetransmitted);
        json.WriteBoolean("looksDead", subflow.LooksDead);
        if (isBackup is { } backup)
        {
            json.WriteBoolean("backup", backup);
        }

        json.WriteEndObject();
    }

    /// <summary>An IPv4 address as one, also on a dual-stack socket, as in the paths.</summary>
    private static string? Format(EndPoint? endPoint) =>
        (endPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } ip ? new IPEndPoint(ip.Address.MapToIPv4(), ip.Port) : endPoint)?.ToString();
}
