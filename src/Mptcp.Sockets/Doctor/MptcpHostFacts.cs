using Mptcp.Sockets.Doctor;

namespace Mptcp.Sockets;

/// <summary>The facts that were read from the kernel, and those that the caller of <see cref="MptcpHost.ExamineAsync"/> passed.</summary>
public sealed class MptcpHostFacts
{
    private bool? _advertisesHttp3;

    /// <summary>The name and version of the system.</summary>
    public required string System { get; init; }

    /// <summary>Whether MPTCP sockets can be opened for IPv4.</summary>
    public required MptcpSupport OverIPv4 { get; init; }

    /// <summary>Whether MPTCP sockets can be opened for IPv6; null when this host has no IPv6.</summary>
    public MptcpSupport? OverIPv6 { get; init; }

    /// <summary>The settings <c>net.mptcp.*</c> by name, all that this kernel has; empty when it has none.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The limits and endpoints of the kernel's path manager.</summary>
    public MptcpPathManagerFacts PathManager { get; init; } = new();

    /// <summary>Whether this process can watch the paths of connections (<see cref="MptcpPathMonitor"/>); null when it could not be found out.</summary>
    public MptcpSupport? PathEvents { get; init; }

    /// <summary>The congestion control of sockets that choose none (<c>net.ipv4.tcp_congestion_control</c>); null when it can't be read.</summary>
    public string? CongestionControl { get; init; }

    /// <summary>What the kernel has loaded (<c>net.ipv4.tcp_available_congestion_control</c>).</summary>
    public IReadOnlyList<string> AvailableCongestionControls { get; init; } = [];

    /// <summary>What a process without privileges may choose (<c>net.ipv4.tcp_allowed_congestion_control</c>).</summary>
    public IReadOnlyList<string> AllowedCongestionControls { get; init; } = [];

    /// <summary>As <see cref="MptcpHost.ReadCounters"/> returns them.</summary>
    public IReadOnlyDictionary<string, long> Counters { get; init; } = new Dictionary<string, long>();

    /// <summary>
    /// The counters that the findings use and this kernel does not have, such as <c>DssFallback</c> before Linux 6.17: it does not count these
    /// events, so a finding can be missing. Empty on a kernel that has no counters about Multipath TCP at all.
    /// </summary>
    public IReadOnlyList<string> MissingCounters => Counters.Count == 0 ? [] : [.. KernelCounter.All.Where(counter => !IsCounted(counter))];

    /// <summary>
    /// How many descriptors this process may have open (soft RLIMIT_NOFILE, which .NET raises to the hard one at its start);
    /// <see cref="long.MaxValue"/> when unlimited, null when it can't be read.
    /// </summary>
    public long? DescriptorLimit { get; init; }

    /// <summary>How far this process may raise it (hard RLIMIT_NOFILE); as <see cref="DescriptorLimit"/>.</summary>
    public long? DescriptorHardLimit { get; init; }

    /// <summary>The addresses of the interfaces that are up, without loopback and link-local ones.</summary>
    public IReadOnlyList<MptcpLocalAddress> LocalAddresses { get; init; } = [];

    /// <summary>As in <see cref="MptcpExamination.Listeners"/>.</summary>
    public IReadOnlyList<MptcpListenerFacts> Listeners { get; init; } = [];

    /// <summary>Whether this host opens Multipath TCP connections: as the caller said, or because it has no listeners.</summary>
    public bool IsClient { get; init; }

    /// <summary>As in <see cref="MptcpExamination.AdvertisesHttp3"/>.</summary>
    public bool? AdvertisesHttp3
    {
        get => _advertisesHttp3;
        init => _advertisesHttp3 = value;
    }

    /// <summary>As in <see cref="MptcpExamination.Connections"/>.</summary>
    public MptcpConnectionFacts? Connections { get; init; }

    /// <summary>As in <see cref="MptcpExamination.EndpointsRequiringMptcp"/>.</summary>
    public IReadOnlyList<string> EndpointsRequiringMptcp { get; init; } = [];

    /// <summary>Whether this kernel has the counter.</summary>
    internal bool IsCounted(string counter) => Counters.ContainsKey(counter);

    /// <summary>The value of a counter; 0 when this kernel does not have it.</summary>
    internal long Count(string counter) => Counters.GetValueOrDefault(counter);

    /// <summary>These facts, with HTTP/3 advertised.</summary>
    internal MptcpHostFacts WithHttp3()
    {
        var facts = (MptcpHostFacts)MemberwiseClone();
        facts._advertisesHttp3 = true;
        return facts;
    }
}
