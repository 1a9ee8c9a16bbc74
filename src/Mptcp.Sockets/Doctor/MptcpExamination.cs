namespace Mptcp.Sockets;

/// <summary>What <see cref="MptcpHost.ExamineAsync"/> can't read from the kernel.</summary>
public sealed class MptcpExamination
{
    /// <summary>The listeners of this process. Defaults to none.</summary>
    public IReadOnlyList<MptcpListenerFacts> Listeners { get; init; } = [];

    /// <summary>Whether this host opens Multipath TCP connections. Defaults to null: it does when it has no listeners.</summary>
    public bool? IsClient { get; init; }

    /// <summary>Whether the server tells its clients of HTTP/3 (<c>Alt-Svc</c>). Defaults to null: not known, and nothing is said about it.</summary>
    public bool? AdvertisesHttp3 { get; init; }
}
