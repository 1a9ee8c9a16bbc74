using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>Through a proxy the status is that of the hop to the proxy.</summary>
public sealed class ProxyTests
{
    public ProxyTests() => Requires.Mptcp();

    /// <summary>How the proxy is reached, the version, TLS to the origin, and whether the proxy or the origin speaks Multipath TCP.</summary>
    public static TheoryData<string, string, bool, bool> Ways { get; } = new(
        from way in new[] { ("http", "1.1", false), ("http", "1.1", true), ("http", "2.0", true), ("socks5", "1.1", false), ("socks5", "2.0", true) }
        from mptcpProxy in new[] { true, false }
        select (way.Item1, way.Item2, way.Item3, mptcpProxy));

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task GetMptcpStatus_ThroughAProxy_IsOfTheHopToTheProxy(string scheme, string version, bool tls, bool mptcpProxy)
    {
        // The two hops differ: one is Multipath TCP, the other is not.
        await using var server = await StartAsync(tls);
        using var proxy = Proxy.Start(mptcpProxy, mptcpToOrigin: !mptcpProxy);
        var handler = MptcpClient.CreateHandler();
        (handler.UseProxy, handler.Proxy) = (true, proxy.As(scheme));
        using var client = new HttpClient(handler.UseMptcp());
        for (var i = 0; i < 3; i++)
        {
            using var request = MptcpClient.Request(server.Address, Version.Parse(version));
            using var response = await client.SendAsync(request);
            Assert.Equal(mptcpProxy ? "not-negotiated" : "active", await response.Content.ReadAsStringAsync());
            Assert.Equal(Version.Parse(version), response.Version);
            Assert.Equal(mptcpProxy ? MptcpStatus.Active : MptcpStatus.FellBack, response.GetMptcpStatus());
        }

        Assert.Equal(1, proxy.Connections);
    }

    [Fact]
    public async Task GetMptcpStatus_Http2ThroughATunnelAndDirectly_NeverWrong()
    {
        await using var server = await StartAsync(tls: true);
        using var proxy = Proxy.Start(mptcp: false, mptcpToOrigin: false);
        var choice = new Choice(proxy.As("http"));
        var handler = MptcpClient.CreateHandler();
        (handler.UseProxy, handler.Proxy) = (true, choice);
        using var client = new HttpClient(handler.UseMptcp());

        Assert.Equal(("active", MptcpStatus.Active), await SendAsync(client, server.Address));
        choice.IsProxied = true;
        Assert.Equal(("not-negotiated", MptcpStatus.Unknown), await SendAsync(client, server.Address));
        for (var i = 0; i < 20; i++)
        {
            choice.IsProxied = i % 2 == 0;
            Assert.Equal((choice.IsProxied ? "not-negotiated" : "active", MptcpStatus.Unknown), await SendAsync(client, server.Address));
        }

        Assert.Equal(1, proxy.Connections);
    }

    [Fact]
    public async Task GetMptcpStatus_Http2ThroughTunnelsToTwoOrigins_EachIsKnown()
    {
        await using var server = await StartAsync(tls: true);
        await using var other = await StartAsync(tls: true);
        using var proxy = Proxy.Start(mptcp: false, mptcpToOrigin: true);
        var choice = new Choice(proxy.As("http"));
        var handler = MptcpClient.CreateHandler();
        (handler.UseProxy, handler.Proxy) = (true, choice);
        using var client = new HttpClient(handler.UseMptcp());
        for (var i = 0; i < 6; i++)
        {
            choice.IsProxied = i % 2 == 0;
            Assert.Equal(("active", choice.IsProxied ? MptcpStatus.FellBack : MptcpStatus.Active), await SendAsync(client, choice.IsProxied ? server.Address : other.Address));
        }
    }

    private static async Task<(string, MptcpStatus)> SendAsync(HttpClient client, Uri address)
    {
        using var request = MptcpClient.Request(address, HttpVersion.Version20);
        using var response = await client.SendAsync(request);
        return (await response.Content.ReadAsStringAsync(), response.GetMptcpStatus());
    }

    private static Task<Server> StartAsync(bool tls) => Server.StartAsync(builder =>
    {
        builder.WebHost.UseMptcp();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = tls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
            if (tls)
            {
                listen.UseHttps(Server.Certificate);
            }
        }));
    });

    /// <summary>Sends some requests through the proxy and some past it.</summary>
    private sealed class Choice(IWebProxy proxy) : IWebProxy
    {
        public bool IsProxied { get; set; }

        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination) => IsProxied ? proxy.GetProxy(destination) : null;

        public bool IsBypassed(Uri host) => !IsProxied;
    }
}
