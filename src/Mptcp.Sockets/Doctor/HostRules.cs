namespace Mptcp.Sockets.Doctor;

/// <summary>What is not about Multipath TCP, and decides about it all the same.</summary>
internal static class HostRules
{
    private const long FewDescriptors = 4096;

    /// <summary>Speaks only of those that were found weak somewhere: <c>bbr</c> and <c>cubic</c>.</summary>
    public static MptcpFinding? CongestionControl(MptcpHostFacts facts)
    {
        var inUse = facts.Listeners.Select(listener => listener.CongestionControl ?? facts.CongestionControl)
            .Append(facts.IsClient ? facts.CongestionControl : null).OfType<string>().Distinct().ToArray();
        var found = new List<string>();
        if (inUse.Contains("bbr"))
        {
            found.Add("bbr kept up with loss (0.1 % on one of two delayed paths: 87 to 89 Mbit/s, cubic 52 to 64), but on a fast link without any delay it carried 0.2 to 4.7 Gbit/s where reno carried 8 to 11");
        }

        if (inUse.Contains("cubic"))
        {
            found.Add("cubic lost with 0.1 % of loss on one of two delayed paths (52 to 64 Mbit/s, bbr 87 to 89), and was as good as bbr without loss");
        }

        return found.Count == 0 || !facts.OverIPv4.IsSupported ? null : new(
            "congestion-control",
            MptcpFindingSeverity.Information,
            $"Congestion control in use: {string.Join(", ", inUse)}.",
            $"It decides what a second path is worth, and none is best everywhere. Measured on Linux 6.18: {string.Join("; ", found)}.",
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
