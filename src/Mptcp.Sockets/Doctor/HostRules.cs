namespace Mptcp.Sockets.Doctor;

/// <summary>Rules about settings outside of Multipath TCP that affect it.</summary>
internal static class HostRules
{
    private const long FewDescriptors = 4096;

    /// <summary>Reports the two with known weaknesses: <c>bbr</c> and <c>cubic</c>.</summary>
    public static MptcpFinding? CongestionControl(MptcpHostFacts facts)
    {
        var inUse = facts.Listeners.Select(listener => listener.CongestionControl ?? facts.CongestionControl)
            .Append(facts.IsClient ? facts.CongestionControl : null).OfType<string>().Distinct().ToArray();
        return !facts.OverIPv4.IsSupported || !inUse.Any(name => name is "bbr" or "cubic") ? null : new(
            "congestion-control",
            MptcpFindingSeverity.Information,
            $"Congestion control in use: {string.Join(", ", inUse)}.",
            "It decides how much a second path adds, and none is best everywhere: it depends on the loss, delay and speed of the paths. Measurements: docs/benchmarks.md of the project.",
            $"Measure with your own clients. To choose another: sysctl -w net.ipv4.tcp_congestion_control=NAME, or Mptcp:CongestionControl for a server (without privileges: {string.Join(", ", facts.AllowedCongestionControls)})");
    }

    public static MptcpFinding? Http3Advertised(MptcpHostFacts facts) => facts.AdvertisesHttp3 != true ? null : new(
        "http3-advertised",
        MptcpFindingSeverity.Information,
        "Responses advertise HTTP/3 (Alt-Svc).",
        "Clients that understand it, as browsers do, come back over QUIC, which is not TCP and so never Multipath TCP.",
        "Where Multipath TCP matters more, take HTTP/3 from the endpoint: listenOptions.Protocols = HttpProtocols.Http1AndHttp2, or keep it and set DisableAltSvcHeader.");

    public static MptcpFinding? LowDescriptorLimit(MptcpHostFacts facts) => facts.DescriptorLimit is not < FewDescriptors ? null : new(
        "low-descriptor-limit",
        MptcpFindingSeverity.Warning,
        $"This process may have {facts.DescriptorLimit} descriptors open, and can raise that to {facts.DescriptorHardLimit}.",
        "Each connection takes one, with or without Multipath TCP. When they are used up no connection is accepted until some are free.",
        "LimitNOFILE=65536 in the systemd unit, --ulimit nofile=65536 for a container, or ulimit -n 65536 in the shell that starts it; then start it again.");
}
