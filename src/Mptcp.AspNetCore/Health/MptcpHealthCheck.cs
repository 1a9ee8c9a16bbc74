using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Health;

/// <summary>Whether this host can do, and its listeners do, what the configuration asks for.</summary>
internal sealed class MptcpHealthCheck : IHealthCheck
{
    private readonly MptcpTransportOptions _options;
    private readonly BoundListeners? _listeners;
    private readonly IMptcpConnections? _connections;

    public MptcpHealthCheck(IOptions<MptcpTransportOptions> options, BoundListeners? listeners = null, IMptcpConnections? connections = null)
    {
        _options = options.Value;
        _listeners = listeners;
        _connections = connections;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        // Unix sockets and the like are no matter of this check.
        MptcpListenerFacts[] listeners = [.. (_listeners?.Open ?? []).Where(listener => listener.EndPoint is IPEndPoint)];
        var data = new Dictionary<string, object>
        {
            ["mode"] = _options.Mode.ToString(),
            ["listeners"] = listeners.Length,
            ["listenersWithMptcp"] = listeners.Count(listener => listener.IsMptcp),
            ["connections"] = _connections?.Count ?? 0,
        };
        if (_options.Mode == MptcpMode.Disabled)
        {
            return Result(HealthStatus.Healthy, "Multipath TCP is disabled by configuration.");
        }

        MptcpSupport support;
        try
        {
            support = MptcpSupport.Check();
        }
        catch (SocketException e)
        {
            return Result(context.Registration.FailureStatus, $"No socket can be opened: {e.Message}", e);
        }

        data["reason"] = support.Reason.ToString();
        if (!support.IsSupported)
        {
            return Result(_options.Mode == MptcpMode.Required ? context.Registration.FailureStatus : HealthStatus.Degraded, support.ToString());
        }

        return listeners.FirstOrDefault(listener => !listener.IsMptcp && listener.Mode != MptcpMode.Disabled) is { } tcp
            ? Result(HealthStatus.Degraded, $"{tcp.EndPoint} is served over TCP only. {tcp.WhyNotMptcp}")
            : Result(HealthStatus.Healthy, support.Explanation);

        Task<HealthCheckResult> Result(HealthStatus status, string description, Exception? exception = null) =>
            Task.FromResult(new HealthCheckResult(status, description, exception, data));
    }
}
