using System.Net;
using System.Security.Cryptography;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;
using Mptcp.TestServer;

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
        var port = Ports.Free(1)[0];
        var address = new Uri($"http://127.0.0.1:{port}");
        using var nginx = await NginxProcess.StartAsync(
            port, $"server {{ listen 127.0.0.1:{port}; root .; }}", FillAsync, runner: mptcp ? ["mptcpize", "run"] : []);
        using var client = MptcpClient.Create();
        for (var i = 0; i < 3; i++)
        {
            using var response = await client.GetAsync(new Uri(address, "/file.bin"), HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(expected, response.GetMptcpStatus());
            Assert.StartsWith("nginx", response.Headers.Server.ToString(), StringComparison.Ordinal);
            Assert.Equal(Blocks.HashOf(FileSize), Convert.ToHexString(await SHA256.HashDataAsync(await response.Content.ReadAsStreamAsync())));
            Assert.Equal(expected, response.GetMptcpStatus());
        }

        using var missing = await client.GetAsync(new Uri(address, "/missing"));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal(expected, missing.GetMptcpStatus());
    }

    private static async Task FillAsync(string folder)
    {
        await using var file = File.Create(Path.Combine(folder, "file.bin"));
        foreach (var block in Blocks.Of(FileSize))
        {
            await file.WriteAsync(block);
        }
    }
}
