namespace Mptcp.Sockets.Doctor;

/// <summary>The counters of <c>MPTcpExt</c> that the rules read, under the kernel's names (<c>net/mptcp/mib.c</c>).</summary>
internal static class KernelCounter
{
    /// <summary>Connections that clients opened with Multipath TCP (SYN with MP_CAPABLE).</summary>
    public const string MPCapableSYNRX = nameof(MPCapableSYNRX);

    /// <summary>Connections that clients completed with Multipath TCP (third ACK with MP_CAPABLE).</summary>
    public const string MPCapableACKRX = nameof(MPCapableACKRX);

    /// <summary>Connections whose third ACK came without MP_CAPABLE.</summary>
    public const string MPCapableFallbackACK = nameof(MPCapableFallbackACK);

    /// <summary>Connections that this host opened with Multipath TCP.</summary>
    public const string MPCapableSYNTX = nameof(MPCapableSYNTX);

    /// <summary>Connections of this host that servers answered with Multipath TCP.</summary>
    public const string MPCapableSYNACKRX = nameof(MPCapableSYNACKRX);

    /// <summary>Connections of this host that servers answered without Multipath TCP.</summary>
    public const string MPCapableFallbackSYNACK = nameof(MPCapableFallbackSYNACK);

    /// <summary>Connections of this host that went out as TCP after a black hole was detected.</summary>
    public const string MPCapableSYNTXDisabled = nameof(MPCapableSYNTXDisabled);

    /// <summary>Black holes that were detected.</summary>
    public const string Blackhole = nameof(Blackhole);

    /// <summary>Connections for which no token was free.</summary>
    public const string MPFallbackTokenInit = nameof(MPFallbackTokenInit);

    /// <summary>Fallbacks because the first data came without a mapping.</summary>
    public const string MPCapableDataFallback = nameof(MPCapableDataFallback);

    /// <summary>Fallbacks because later data came without a mapping.</summary>
    public const string DssFallback = nameof(DssFallback);

    /// <summary>Further paths that clients asked for.</summary>
    public const string MPJoinSynRx = nameof(MPJoinSynRx);

    /// <summary>Further paths for connections that are not on this host.</summary>
    public const string MPJoinNoTokenFound = nameof(MPJoinNoTokenFound);

    /// <summary>Further paths that the path manager rejected.</summary>
    public const string MPJoinRejected = nameof(MPJoinRejected);

    /// <summary>MP_FAIL options received: the peer got data with a wrong checksum.</summary>
    public const string MPFailRx = nameof(MPFailRx);

    /// <summary>MP_FAIL options sent: this host got data with a wrong checksum.</summary>
    public const string MPFailTx = nameof(MPFailTx);

    /// <summary>All of them.</summary>
    public static readonly string[] All =
    [
        MPCapableSYNRX, MPCapableACKRX, MPCapableFallbackACK, MPCapableSYNTX, MPCapableSYNACKRX, MPCapableFallbackSYNACK, MPCapableSYNTXDisabled,
        Blackhole, MPFallbackTokenInit, MPCapableDataFallback, DssFallback, MPJoinSynRx, MPJoinNoTokenFound, MPJoinRejected, MPFailRx, MPFailTx,
    ];
}
