using Microsoft.Extensions.Primitives;
using Mptcp.AspNetCore.Policy;

namespace Mptcp.AspNetCore.Tests.Policy;

public sealed class GuardedResponseTests
{
    [Theory]
    [InlineData(null, "private")]
    [InlineData("", "private")]
    [InlineData("public", "private")]
    [InlineData("public, max-age=60", "max-age=60, private")]
    [InlineData("PUBLIC,s-maxage=5 , max-age=60, immutable", "max-age=60, private, immutable")]
    [InlineData("private=\"set-cookie\", max-age=1", "max-age=1, private")]
    [InlineData("no-cache", "no-cache, private")]
    [InlineData("no-store", "no-store")]
    [InlineData("max-age=x", "private")]
    public void MakePrivate_EveryForm_ForbidsSharedCaches(string? value, string expected) =>
        Assert.Equal(expected, GuardedResponse.MakePrivate(new StringValues(value)).ToString());

    [Fact]
    public void MakePrivate_SeveralHeaders_AreOne() =>
        Assert.Equal("max-age=60, private", GuardedResponse.MakePrivate(new StringValues(["public", "max-age=60"])).ToString());
}
