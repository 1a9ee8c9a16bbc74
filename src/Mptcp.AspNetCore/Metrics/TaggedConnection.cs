using Microsoft.AspNetCore.Connections.Features;
using Mptcp.AspNetCore.Connections;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Metrics;

/// <summary>
/// A connection that puts its status on Kestrel's <c>kestrel.connection.duration</c>. Kestrel sets the feature for such tags after it has
/// accepted the connection, and no code of the application need ever run on one that sends nothing; so the setting is what is watched.
/// </summary>
internal sealed class TaggedConnection : ListedConnection
{
    public TaggedConnection(ConnectionEntry entry)
        : base(entry)
    {
    }

    public override void Set<TFeature>(TFeature? instance)
        where TFeature : default
    {
        base.Set(instance);
        if (instance is IConnectionMetricsTagsFeature tags && Get<IConnectionCompleteFeature>() is { } complete)
        {
            // Asked now, for at the end the socket is closed; and written at the end, when it may have fallen back.
            _ = Feature.Status;
            complete.OnCompleted(
                static state =>
                {
                    var (feature, tags) = ((IMptcpFeature, IConnectionMetricsTagsFeature))state;
                    tags.Tags.Add(new(ServerMetrics.StatusTag, feature.Status.ToTagValue()));
                    return Task.CompletedTask;
                },
                (Feature, tags));
        }
    }
}
