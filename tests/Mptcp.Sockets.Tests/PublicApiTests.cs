using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void PublicApi_Now_IsAsReviewed() => PublicApi.AssertMatchesSnapshot(typeof(MptcpSocket).Assembly);
}
