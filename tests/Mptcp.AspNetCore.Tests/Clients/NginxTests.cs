using System.Net;
using System.Security.Cryptography;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

public sealed class NginxTests
{
    private const int FileSize = 8_000_000;

    public NginxTests()
    {
        Requires.Mptcp();
        Requires.Programs("nginx", "mptcpize");
    }

    [Theory]
    [InlineData(true, MptcpStatus.Active)]
    [InlineData(false, MptcpStatus.FellBack)]
    public async Task GetAsync_FromNginx_StatusIsWhatItSpeaksAndTheBodyIsIntact(bool mptcp, MptcpStatus expected)
    {
        using var nginx = await NginxProcess.StartAsync(mptcp, "file.bin", Blocks.Of(FileSize));
        using var client = MptcpClient.Create();
        for (var i = 0; i < 3; i++)
        {
            using var response = await client.GetAsync(new Uri(nginx.Address, "/file.bin"), HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(expected, response.GetMptcpStatus());
            Assert.StartsWith("nginx", response.Headers.Server.ToString(), StringComparison.Ordinal);
            Assert.Equal(Blocks.HashOf(FileSize), Convert.ToHexString(await SHA256.HashDataAsync(await response.Content.ReadAsStreamAsync())));
            Assert.Equal(expected, response.GetMptcpStatus());
        }

        using var missing = await client.GetAsync(new Uri(nginx.Address, "/missing"));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal(expected, missing.GetMptcpStatus());
    }
}
