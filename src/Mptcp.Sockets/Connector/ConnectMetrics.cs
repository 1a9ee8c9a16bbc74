using System.Diagnostics.Metrics;

namespace Mptcp.Sockets;

/// <summary>The instruments of the client.</summary>
internal static class ConnectMetrics
{
    private static readonly Meter s_meter = new("Mptcp.Sockets");

    private static readonly Counter<long> s_connections = s_meter.CreateCounter<long>(
        "mptcp.client.connections", "{connection}", "The connections that were opened, by what they speak.");

    /// <summary>Counts a connection that was just opened. Reads its status only when a listener is enabled.</summary>
    public static void Count(MptcpConnection connection)
    {
        if (!s_connections.Enabled)
        {
            return;
        }

        try
        {
            s_connections.Add(1, new KeyValuePair<string, object?>("mptcp.status", connection.Status.ToTagValue()));
        }
        catch (Exception)
        {
            // The listener is the application's. It costs its own figures, never the connection.
        }
    }
}
