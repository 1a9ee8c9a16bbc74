namespace Mptcp.Sockets;

/// <summary>The facts that <see cref="MptcpHost.ExamineAsync"/> can't read from the kernel.</summary>
public sealed class MptcpExamination
{
    /// <summary>The listeners of this process. Defaults to none.</summary>
    public IReadOnlyList<MptcpListenerFacts> Listeners { get; init; } = [];

    /// <summary>Whether this host opens Multipath TCP connections. Defaults to null: it does when it has no listeners.</summary>
    public bool? IsClient { get; init; }

    /// <summary>Whether the server advertises HTTP/3 to its clients (<c>Alt-Svc</c>). Defaults to null: not known, and no finding is made of it.</summary>
    public bool? AdvertisesHttp3 { get; init; }

    /// <summary>The connections that the application has accepted. Defaults to null: not counted.</summary>
    public MptcpConnectionFacts? Connections { get; init; }

    /// <summary>
    /// The names of the application's endpoints that reject requests over plain TCP. Defaults to none. Where no listener speaks Multipath TCP,
    /// such endpoints reject every request, and a finding lists them.
    /// </summary>
    public IReadOnlyList<string> EndpointsRequiringMptcp { get; init; } = [];
}
