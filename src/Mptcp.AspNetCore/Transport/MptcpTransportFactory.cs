using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Hosting;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Kestrel's own connections, from another listening socket, and the feature on each of them.
/// </summary>
internal sealed class MptcpTransportFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly IOptionsFactory<SocketTransportOptions> _socketOptions;
    private readonly MptcpTransportOptions _options;
    private readonly MptcpConfiguration _configuration;
    private readonly BoundListeners _bound;
    private readonly ConnectionServices _services;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<string, bool> _said = new();

    public MptcpTransportFactory(
        IOptionsFactory<SocketTransportOptions> socketOptions, IOptions<MptcpTransportOptions> options,
        MptcpConfiguration configuration, BoundListeners bound, ConnectionServices services, ILoggerFactory loggerFactory)
    {
        _bound = bound;
        _socketOptions = socketOptions;
        _options = options.Value;
        _configuration = configuration;
        _services = services;
        _loggerFactory = loggerFactory;
        _logger = services.Logger;
    }

    /// <summary>Other subclasses of <see cref="IPEndPoint"/> belong to other transports.</summary>
    public bool CanBind(EndPoint endpoint) =>
        endpoint is MptcpEndPoint or FileHandleEndPoint or UnixDomainSocketEndPoint || endpoint.GetType() == typeof(IPEndPoint);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var settings = Resolve(endpoint);

        // A private copy, with the application's settings and Kestrel's memory pool: one made with new would lack the pool.
        var socketOptions = _socketOptions.Create(Options.DefaultName);
        var listen = ListenSocket.Open(endpoint, settings, _options.CongestionControl, socketOptions.CreateBoundListenSocket, socketOptions.Backlog);
        SayOnce(settings.Mode, endpoint, listen);
        _bound.Add(settings.Mode, listen);
        if (listen.IsMptcp && !TrySetNoDelay(listen.Socket, socketOptions.NoDelay))
        {
            SayOnce(nameof(Log.NoDelayRefused), () => Log.NoDelayRefused(_logger));
        }

        var reject = settings.Mode != MptcpMode.Disabled && settings.Fallback == MptcpFallback.Reject;
        return ValueTask.FromResult<IConnectionListener>(
            new MptcpConnectionListener(listen, KestrelConnections.CreateFactory(socketOptions, _loggerFactory), socketOptions.NoDelay, reject, _services));
    }

    private (MptcpMode Mode, MptcpFallback Fallback) Resolve(EndPoint endpoint)
    {
        var own = endpoint switch
        {
            MptcpEndPoint mptcp => new EndpointSettings(mptcp.Mode, mptcp.Fallback),
            IPEndPoint ip => _configuration.Find(ip),
            _ => default,
        };

        // The switch for everything: no endpoint turns it on again.
        var mode = _options.Mode == MptcpMode.Disabled ? MptcpMode.Disabled : own.Mode ?? _options.Mode;
        return (mode, own.Fallback ?? _options.Fallback);
    }

    /// <summary>Tried on the listening socket, to know before the first connection what accepted ones will answer.</summary>
    private static bool TrySetNoDelay(Socket socket, bool noDelay)
    {
        try
        {
            socket.NoDelay = noDelay;
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void SayOnce(MptcpMode mode, EndPoint endpoint, ListenSocket listen)
    {
        if (mode == MptcpMode.Disabled)
        {
            var scope = _options.Mode == MptcpMode.Disabled ? "all endpoints" : endpoint.ToString()!;
            SayOnce(scope, () => Log.MptcpDisabled(_logger, scope));
        }
        else if (listen.Unavailable is { } support)
        {
            SayOnce(support.Explanation, () => Log.MptcpUnavailable(_logger, support.Explanation, support.Remedy));
        }
        else if (listen is { IsIP: true, IsMptcp: false })
        {
            SayOnce(
                ListenSocket.OpenedElsewhere,
                () => Log.MptcpUnavailable(_logger, ListenSocket.OpenedElsewhere, ListenSocket.OpenItAsMptcp));
        }
        else if (listen is { IsMptcp: true })
        {
            SayOnce(nameof(Log.MptcpOn), () => Log.MptcpOn(_logger));
        }
    }

    private void SayOnce(string what, Action say)
    {
        if (_said.TryAdd(what, true))
        {
            say();
        }
    }
}
