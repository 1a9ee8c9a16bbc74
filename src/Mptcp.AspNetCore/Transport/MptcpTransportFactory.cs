using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// Kestrel's own connections, from another listening socket, and the feature on each of them.
/// </summary>
internal sealed class MptcpTransportFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private const string HiddenHttp3 =
        "a transport of HTTP/3 that was registered later than UseMptcp could serve it over UDP. Call UseMptcp after UseKestrel and UseQuic.";

    private readonly IOptionsFactory<SocketTransportOptions> _socketOptions;
    private readonly MptcpTransportOptions _options;
    private readonly EndpointResolver _resolver;
    private readonly BoundListeners _bound;
    private readonly StartLog _startLog;
    private readonly ConnectionServices _services;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ILogger _logger;
    private readonly bool _isHttp3Hidden;
    private readonly ConcurrentDictionary<string, bool> _said = new();

    public MptcpTransportFactory(
        IOptionsFactory<SocketTransportOptions> socketOptions, IOptions<MptcpTransportOptions> options, EndpointResolver resolver,
        BoundListeners bound, StartLog startLog, ConnectionServices services, ILoggerFactory loggerFactory,
        IEnumerable<IMultiplexedConnectionListenerFactory> http3)
    {
        _socketOptions = socketOptions;
        _options = options.Value;
        _resolver = resolver;
        _bound = bound;
        _startLog = startLog;
        _services = services;
        _loggerFactory = loggerFactory;
        _logger = services.Logger;
        _isHttp3Hidden = http3.LastOrDefault() is not (null or Http3Guard);
        if (_isHttp3Hidden && EndpointResolver.DemandsMptcp(_options.Mode, _options.Fallback))
        {
            // Here and not when an endpoint is bound: one that serves HTTP/3 alone is not bound by this transport.
            throw new InvalidOperationException($"Multipath TCP is demanded of all endpoints, and {HiddenHttp3}");
        }
    }

    /// <summary>Other subclasses of <see cref="IPEndPoint"/> belong to other transports.</summary>
    public bool CanBind(EndPoint endpoint) =>
        endpoint is MptcpEndPoint or FileHandleEndPoint or UnixDomainSocketEndPoint || endpoint.GetType() == typeof(IPEndPoint);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var settings = _resolver.Resolve(endpoint);
        if (_isHttp3Hidden && EndpointResolver.DemandsMptcp(settings.Mode, settings.Fallback))
        {
            throw new IOException($"Failed to listen on {endpoint}: Multipath TCP is demanded of it, and {HiddenHttp3}");
        }

        // A private copy, with the application's settings and Kestrel's memory pool: one made with new would lack the pool.
        var socketOptions = _socketOptions.Create(Options.DefaultName);
        var listen = ListenSocket.Open(
            endpoint, (settings.Mode, settings.Fallback), _options.CongestionControl, socketOptions.CreateBoundListenSocket, socketOptions.Backlog);
        WarnOnce(settings.Mode, listen);
        var bound = _bound.Add(settings, listen);
        _startLog.Bound(bound);
        if (listen.IsMptcp && !TrySetNoDelay(listen.Socket, socketOptions.NoDelay))
        {
            SayOnce(nameof(Log.NoDelayRefused), () => Log.NoDelayRefused(_logger));
        }

        var reject = settings.Mode != MptcpMode.Disabled && settings.Fallback == MptcpFallback.Reject;
        return ValueTask.FromResult<IConnectionListener>(new MptcpConnectionListener(
            listen, KestrelConnections.CreateFactory(socketOptions, _loggerFactory), socketOptions.NoDelay, reject, _services, bound));
    }

    /// <summary>Tried on the listening socket, to know before the first connection how accepted ones will answer.</summary>
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

    private void WarnOnce(MptcpMode mode, ListenSocket listen)
    {
        if (mode == MptcpMode.Disabled)
        {
            return;
        }

        if (listen.Unavailable is { } support)
        {
            SayOnce(support.Explanation, () => Log.MptcpUnavailable(_logger, support.Explanation, support.Remedy));
        }
        else if (listen is { IsIP: true, IsMptcp: false })
        {
            SayOnce(
                ListenSocket.OpenedElsewhere,
                () => Log.MptcpUnavailable(_logger, ListenSocket.OpenedElsewhere, ListenSocket.OpenItAsMptcp));
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
