using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>Files of <c>MapStaticAssets</c> behind the guard, with a response cache before or after routing.</summary>
public sealed class StaticAssetsTests
{
    public StaticAssetsTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Require_AssetAndConditionalRequest_AreAnsweredOverMptcpOnly(bool cacheFirst)
    {
        using var folder = new DownloadFolder();
        File.WriteAllText(folder.PathOf("site.txt"), "secret");
        var manifest = folder.PathOf("assets.json");
        File.WriteAllText(manifest, """
            {
              "Version": 1,
              "ManifestType": "Publish",
              "Endpoints": [
                {
                  "Route": "assets/site.txt",
                  "AssetFile": "site.txt",
                  "Selectors": [],
                  "EndpointProperties": [],
                  "ResponseHeaders": [
                    { "Name": "Cache-Control", "Value": "public, max-age=60, immutable" },
                    { "Name": "Content-Length", "Value": "6" },
                    { "Name": "Content-Type", "Value": "text/plain" },
                    { "Name": "ETag", "Value": "\"asset\"" },
                    { "Name": "Last-Modified", "Value": "Sun, 01 Nov 2026 00:00:00 GMT" }
                  ]
                }
              ]
            }
            """);
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.Services.AddResponseCaching();
            },
            app =>
            {
                app.Environment.WebRootFileProvider = new PhysicalFileProvider(folder.PathOf("."));
                if (cacheFirst)
                {
                    app.UseResponseCaching();
                }

                app.UseRouting();
                if (!cacheFirst)
                {
                    app.UseResponseCaching();
                }

                app.MapStaticAssets(manifest).RequireMptcp();
            });
        using var mptcp = server.CreateClient(mptcp: true);
        using var tcp = server.CreateClient(mptcp: false);
        using var response = await mptcp.GetAsync("/assets/site.txt");
        Assert.Equal("secret", await response.Content.ReadAsStringAsync());
        Assert.Equal("max-age=60, private, immutable", response.Headers.CacheControl?.ToString());
        Assert.Equal(HttpStatusCode.Forbidden, (await tcp.GetAsync("/assets/site.txt")).StatusCode);
        foreach (var (client, expected) in new[] { (mptcp, HttpStatusCode.NotModified), (tcp, HttpStatusCode.Forbidden) })
        {
            using var conditional = new HttpRequestMessage(HttpMethod.Get, "/assets/site.txt") { Headers = { IfNoneMatch = { new("\"asset\"") } } };
            using var answer = await client.SendAsync(conditional);
            Assert.Equal(expected, answer.StatusCode);
        }
    }
}
