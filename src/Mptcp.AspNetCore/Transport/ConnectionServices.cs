using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Metrics;
using Mptcp.AspNetCore.Paths;

namespace Mptcp.AspNetCore.Transport;

/// <summary>What every accepted connection meets.</summary>
internal sealed class ConnectionServices
{
    public ConnectionServices(
        IOptions<MptcpTransportOptions> options, ConnectionList connections, ServerMetrics metrics, KestrelDuration kestrelDuration,
        ILoggerFactory loggerFactory, PathTracker? paths = null, TimeProvider? time = null)
    {
        FallbackLogLevel = options.Value.FallbackLogLevel;
        Connections = connections;
        Metrics = metrics;
        KestrelDuration = kestrelDuration;
        Logger = new BestEffortLogger(loggerFactory, LogCategory.Transport);
        Paths = paths;
        Time = time ?? TimeProvider.System;
    }

    public LogLevel FallbackLogLevel { get; }

    public ConnectionList Connections { get; }

    public ServerMetrics Metrics { get; }

    public KestrelDuration KestrelDuration { get; }

    public ILogger Logger { get; }

    /// <summary>Null where the paths are not watched.</summary>
    public PathTracker? Paths { get; }

    public TimeProvider Time { get; }
}
