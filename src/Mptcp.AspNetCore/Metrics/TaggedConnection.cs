using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>
/// A connection that puts its status on Kestrel's <c>kestrel.connection.duration</c>. Kestrel sets the feature for such tags after it has
/// accepted the connection, and no code of the application need ever run on one that sends nothing; so the setting is what is watched.
/// </summary>
internal sealed class TaggedConnection : ConnectionContext
{
    private readonly ConnectionContext _inner;

    public TaggedConnection(ConnectionContext inner, IMptcpFeature feature)
    {
        _inner = inner;
        Features = new WatchedFeatures(inner.Features, feature);
    }

    public override IFeatureCollection Features { get; }

    public override string ConnectionId
    {
        get => _inner.ConnectionId;
        set => _inner.ConnectionId = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => _inner.Items;
        set => _inner.Items = value;
    }

    public override IDuplexPipe Transport
    {
        get => _inner.Transport;
        set => _inner.Transport = value;
    }

    public override CancellationToken ConnectionClosed
    {
        get => _inner.ConnectionClosed;
        set => _inner.ConnectionClosed = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => _inner.LocalEndPoint;
        set => _inner.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => _inner.RemoteEndPoint;
        set => _inner.RemoteEndPoint = value;
    }

    public override void Abort() => _inner.Abort();

    public override void Abort(ConnectionAbortedException abortReason) => _inner.Abort(abortReason);

    public override async ValueTask DisposeAsync()
    {
        await _inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class WatchedFeatures : IFeatureCollection
    {
        private readonly IFeatureCollection _inner;
        private readonly IMptcpFeature _feature;

        public WatchedFeatures(IFeatureCollection inner, IMptcpFeature feature)
        {
            _inner = inner;
            _feature = feature;
        }

        public bool IsReadOnly => _inner.IsReadOnly;

        public int Revision => _inner.Revision;

        public object? this[Type key]
        {
            get => _inner[key];
            set => _inner[key] = value;
        }

        public TFeature? Get<TFeature>() => _inner.Get<TFeature>();

        public void Set<TFeature>(TFeature? instance)
        {
            _inner.Set(instance);
            if (instance is IConnectionMetricsTagsFeature tags && _inner.Get<IConnectionCompleteFeature>() is { } complete)
            {
                // Asked now, for at the end the socket is closed; and written at the end, when it may have fallen back.
                _ = _feature.Status;
                complete.OnCompleted(
                    static state =>
                    {
                        var (feature, tags) = ((IMptcpFeature, IConnectionMetricsTagsFeature))state;
                        tags.Tags.Add(new(ServerMetrics.StatusTag, feature.Status.ToTagValue()));
                        return Task.CompletedTask;
                    },
                    (_feature, tags));
            }
        }

        public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => _inner.GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => _inner.GetEnumerator();
    }
}
