using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Policy;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Health;

/// <summary>Whether this host can do, and its listeners do, what the configuration asks for.</summary>
internal sealed class MptcpHealthCheck : IHealthCheck
{
    private readonly MptcpTransportOptions _options;
    private readonly BoundListeners? _listeners;
    private readonly IMptcpConnections? _connections;
    private readonly Requirements? _requirements;

    public MptcpHealthCheck(
        IOptions<MptcpTransportOptions> options, BoundListeners? listeners = null, IMptcpConnections? connections = null, Requirements? requirements = null)
    {
        _requirements = requirements;
        _options = options.Value;
        _listeners = listeners;
        _connections = connections;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        // Unix sockets and the like are not counted: they can't be MPTCP.
        BoundListener[] listeners = [.. (_listeners?.All ?? []).Where(listener => listener.Facts.EndPoint is IPEndPoint)];
        BoundListener[] lost = [.. (_listeners?.All ?? []).Where(listener => listener.IsLost)];
        var data = new Dictionary<string, object>
        {
            ["mode"] = _options.Mode.ToString(),
            ["listeners"] = listeners.Length,
            ["listenersWithMptcp"] = listeners.Count(listener => listener.Facts.IsMptcp),
            ["listenersLost"] = lost.Length,
            ["connections"] = _connections?.Count ?? 0,
        };
        if (_listeners is null)
        {
            return Result(
                HealthStatus.Degraded, "Multipath TCP is off: UseMptcp was not called, and Kestrel listens for plain TCP. Call builder.WebHost.UseMptcp().");
        }

        if (lost.Length > 0)
        {
            var endPoints = string.Join(", ", lost.Select(listener => listener.Facts.EndPoint));
            return Result(
                context.Registration.FailureStatus,
                $"Nothing is accepted on {endPoints} any more: the listening socket was closed or shut down from outside of the server. Restart the application.");
        }

        if (_options.Mode == MptcpMode.Disabled)
        {
            return _requirements?.Enforced is { Count: > 0 } endpoints
                ? Result(
                    HealthStatus.Degraded,
                    $"Multipath TCP is disabled by configuration, and these endpoints require it and reject every request: {string.Join(", ", endpoints)}.")
                : Result(HealthStatus.Healthy, "Multipath TCP is disabled by configuration.");
        }

        if (!_listeners.WasBound)
        {
            return Result(
                HealthStatus.Degraded,
                "No endpoint was bound by the transport of UseMptcp: the server has not started, is not Kestrel, or uses another transport that was registered later. Call UseMptcp after it.");
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

        if (listeners.All(listener => !listener.Facts.IsMptcp) && _requirements?.Enforced is { Count: > 0 } rejecting)
        {
            return Result(
                HealthStatus.Degraded,
                $"No endpoint listens for Multipath TCP, and these endpoints require it and reject every request: {string.Join(", ", rejecting)}.");
        }

        return listeners.FirstOrDefault(listener => !listener.Facts.IsMptcp && listener.Facts.Mode != MptcpMode.Disabled) is { Facts: var tcp }
            ? Result(HealthStatus.Degraded, $"{tcp.EndPoint} is served over TCP only. {tcp.WhyNotMptcp}")
            : Result(HealthStatus.Healthy, support.Explanation);

        Task<HealthCheckResult> Result(HealthStatus status, string description, Exception? exception = null) =>
            Task.FromResult(new HealthCheckResult(status, description, exception, data));
    }
}
