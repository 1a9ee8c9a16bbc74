using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Infrastructure;

/// <summary>As an application fakes it in its own tests.</summary>
internal sealed class FakeFeature(MptcpStatus status, int? subflows = null) : IMptcpFeature
{
    public MptcpStatus Status => status;

    public bool TryGetInfo(out MptcpInfo info)
    {
        info = default;
        return false;
    }

    public IReadOnlyList<MptcpSubflow> GetSubflows() => new MptcpSubflow[subflows ?? 0];
}
