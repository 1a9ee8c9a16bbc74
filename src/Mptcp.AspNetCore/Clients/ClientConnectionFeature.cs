using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Clients;

/// <summary>The feature of a connection that was dialled.</summary>
internal sealed class ClientConnectionFeature : MptcpConnectionFeature
{
    // A socket that connects stays what it was opened as, so the kernel itself knows.
    public ClientConnectionFeature(Socket socket, ConnectionContext connection, BestEffortLogger logger)
        : base(socket, openedAsMptcp: false, connection) => Logger = logger;

    protected override ILogger Logger { get; }

    protected override LogLevel FallbackLogLevel => LogLevel.Debug;
}
