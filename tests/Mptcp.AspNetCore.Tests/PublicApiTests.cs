using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class PublicApiTests
{
    [Fact]
    public void PublicApi_Now_IsAsReviewed() => PublicApi.AssertMatchesSnapshot(typeof(IMptcpFeature).Assembly);
}
