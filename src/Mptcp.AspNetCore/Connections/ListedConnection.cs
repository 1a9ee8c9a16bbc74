using System.Collections;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Mptcp.AspNetCore.Connections;

/// <summary>A connection as Kestrel has it: Kestrel's own, with <see cref="IMptcpFeature"/>, which leaves the list when Kestrel disposes of it.</summary>
/// <remarks>
/// <para>
/// Kestrel closes the socket when it aborts or disposes of it, so here what it carried can still be read, but for a reset of the peer
/// that Kestrel meets when it sends. Who registers with <see cref="ConnectionClosed"/> instead is told beside Kestrel, which is often faster.
/// </para>
/// <para>
/// It is its collection of features too. To register costs every connection 80 bytes, and one feature more in Kestrel's own collection
/// 64, for its list grows by four; this is 48, half of it what the base class has.
/// </para>
/// </remarks>
internal class ListedConnection : ConnectionContext, IFeatureCollection
{
    private readonly ConnectionEntry _entry;

    public ListedConnection(ConnectionEntry entry) => _entry = entry;

    public override IFeatureCollection Features => this;

    public bool IsReadOnly => Inner.Features.IsReadOnly;

    public int Revision => Inner.Features.Revision;

    protected ConnectionContext Inner => _entry.Connection;

    protected IMptcpFeature Feature => _entry;

    public object? this[Type key]
    {
        get => Inner.Features[key] ?? (key == typeof(IMptcpFeature) ? _entry : null);
        set => Inner.Features[key] = value;
    }

    public override string ConnectionId
    {
        get => Inner.ConnectionId;
        set => Inner.ConnectionId = value;
    }

    public override IDictionary<object, object?> Items
    {
        get => Inner.Items;
        set => Inner.Items = value;
    }

    public override IDuplexPipe Transport
    {
        get => Inner.Transport;
        set => Inner.Transport = value;
    }

    public override CancellationToken ConnectionClosed
    {
        get => Inner.ConnectionClosed;
        set => Inner.ConnectionClosed = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => Inner.LocalEndPoint;
        set => Inner.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => Inner.RemoteEndPoint;
        set => Inner.RemoteEndPoint = value;
    }

    public TFeature? Get<TFeature>() =>
        Inner.Features.Get<TFeature>() is { } set ? set : typeof(TFeature) == typeof(IMptcpFeature) ? (TFeature)(object)_entry : default;

    public virtual void Set<TFeature>(TFeature? instance) => Inner.Features.Set(instance);

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() =>
        Inner.Features.Append(new(typeof(IMptcpFeature), _entry)).DistinctBy(feature => feature.Key).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Called by Kestrel most of the time when the peer has closed.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        _entry.SampleIfWanted();
        Inner.Abort(abortReason);
    }

    public override async ValueTask DisposeAsync()
    {
        _entry.SampleIfWanted();
        try
        {
            // It sends first what it still has to send.
            await Inner.DisposeAsync().ConfigureAwait(false);
            await base.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _entry.Unlist();
        }
    }
}
