using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

public sealed class ModeTests
{
    public ModeTests() => Requires.Mptcp();

    [Fact]
    public async Task Mode_Preferred_OneLineNamesTheEndpoints()
    {
        await using var server = await Server.StartAsync(builder => builder.WebHost.UseMptcp().UseUrls("http://127.0.0.1:0;http://[::1]:0"));
        var line = Assert.Single(server.Log.Ours);
        Assert.Equal((LogLevel.Information, 1, "MptcpOn"), (line.Level, line.Event.Id, line.Event.Name));
        Assert.StartsWith($"Multipath TCP is on for {string.Join(", ", server.Addresses.Select(address => address.Authority))}: ", line.Message);
    }

    [Fact]
    public async Task Mode_ShortFormAndLongFormContradict_DoesNotStart()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(
            configuration: new() { ["Mptcp"] = "Required", ["Mptcp:Mode"] = "Preferred" }));
        Assert.StartsWith("Mptcp is \"Required\" and Mptcp:Mode is \"Preferred\", which are the same setting. Remove one of them", failure.Message);
    }

    [Fact]
    public async Task Mode_EndpointsOfTheirOwnInCode_EachHasItsOwn()
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, 0) { Mode = MptcpMode.Disabled });
                kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, 0) { Mode = MptcpMode.Required });
                kestrel.Listen(IPAddress.Loopback, 0);
            });
        });
        Assert.Equal(["unavailable", "active", "active"], await AskAllAsync(server));
    }

    [Fact]
    public async Task Mode_EndpointsOfTheirOwnInConfiguration_EachHasItsOwn()
    {
        var ports = Ports.Free(4);
        await using var server = await Server.StartAsync(configuration: new()
        {
            ["Kestrel:Endpoints:Off:Url"] = $"http://127.0.0.1:{ports[0]}",
            ["Kestrel:Endpoints:Off:Mptcp"] = "Disabled",
            ["Kestrel:Endpoints:On:Url"] = $"http://127.0.0.1:{ports[1]}",
            ["Kestrel:Endpoints:On:Mptcp:Mode"] = "Required",
            ["Kestrel:Endpoints:OffByName:Url"] = $"http://localhost:{ports[2]}",
            ["Kestrel:Endpoints:OffByName:Mptcp"] = "Disabled",
            ["Kestrel:Endpoints:OffOnAny:Url"] = $"http://*:{ports[3]}",
            ["Kestrel:Endpoints:OffOnAny:Mptcp"] = "Disabled",
        });
        var answers = new List<string>();
        using var client = new HttpClient(Client.CreateHandler(mptcp: true));
        foreach (var port in ports)
        {
            answers.Add(await client.GetStringAsync($"http://127.0.0.1:{port}/"));
        }

        Assert.Equal(["unavailable", "active", "unavailable", "unavailable"], answers);
    }

    [Fact]
    public async Task Mode_DisabledInLongFormOnly_IsDisabled()
    {
        var port = Ports.Free(1)[0];
        await using var server = await Server.StartAsync(configuration: new()
        {
            ["Kestrel:Endpoints:Web:Url"] = $"http://127.0.0.1:{port}",
            ["Kestrel:Endpoints:Web:Mptcp"] = "Required",
            ["Kestrel:Endpoints:Web:Mptcp:Mode"] = "Disabled",
        });
        Assert.Equal("unavailable", await server.GetStatusAsync(mptcp: true));
    }

    [Fact]
    public async Task Mode_EndpointSettingsAndPortZero_DoesNotStart()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Server.StartAsync(configuration: new()
        {
            ["Kestrel:Endpoints:A:Url"] = "http://127.0.0.1:0",
            ["Kestrel:Endpoints:A:Mptcp"] = "Disabled",
        }));
        Assert.Contains("Kestrel:Endpoints:A:Mptcp needs a port of its own", failure.Message);
    }

    [Theory]
    [InlineData(ProtocolType.Tcp)]
    [InlineData(ProtocolType.Unspecified)]
    public async Task Mode_PreferredAndSocketFromElsewhereIsTcp_WarnsAndServes(ProtocolType protocol)
    {
        await using var server = await Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint =>
            {
                var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
                socket.Bind(endPoint);
                return socket;
            });
        });
        Assert.Equal("unavailable", await server.GetStatusAsync(mptcp: true));
        var line = Assert.Single(server.Log.Ours);
        Assert.Equal((LogLevel.Warning, "MptcpUnavailable"), (line.Level, line.Event.Name));
        Assert.Contains("plain TCP", line.Message);
    }

    [Theory]
    [InlineData(MptcpMode.Required, MptcpFallback.Accept, ProtocolType.Tcp, "Multipath TCP is required")]
    [InlineData(MptcpMode.Required, MptcpFallback.Accept, ProtocolType.Unspecified, "Multipath TCP is required")]
    [InlineData(MptcpMode.Preferred, MptcpFallback.Reject, ProtocolType.Tcp, "everybody would be rejected")]
    public async Task Mode_SocketFromElsewhereIsTcp_DoesNotStart(MptcpMode mode, MptcpFallback fallback, ProtocolType protocol, string says)
    {
        var failure = await Assert.ThrowsAsync<IOException>(() => Server.StartAsync(builder =>
        {
            builder.WebHost.UseMptcp(options =>
            {
                options.Mode = mode;
                options.Fallback = fallback;
            });
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint =>
            {
                var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
                socket.Bind(endPoint);
                return socket;
            });
        }));
        Assert.Contains(says, failure.Message);
        Assert.Contains("plain TCP", failure.Message);
    }

    [Fact]
    public async Task Fallback_Reject_ClosesTcpBeforeTlsAndServesMptcp()
    {
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp(options => options.Fallback = MptcpFallback.Reject);
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(Server.Certificate)));
            },
            logLevel: LogLevel.Debug);

        for (var i = 0; i < 20; i++)
        {
            // The client speaks first in TLS and in HTTP: to be closed without a word said is to be closed before both.
            Assert.Equal("", await TalkAsync(server.EndPoint, ""));
        }

        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        Assert.Equal(20, server.Log.Ours.Count(line => line.Event.Name == "ConnectionRejected"));
        Assert.DoesNotContain(server.Log.All, line => line.Level > LogLevel.Warning);
        Assert.DoesNotContain(server.Log.All, line => line.Message.Contains("TLS", StringComparison.Ordinal) && line.Level > LogLevel.Debug);
    }

    [Fact]
    public async Task Fallback_RejectOnOneEndpoint_OthersAccept()
    {
        var ports = Ports.Free(1);
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel =>
                {
                    kestrel.Listen(IPAddress.Loopback, 0);
                    kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, 0) { Fallback = MptcpFallback.Reject });
                });
            },
            configuration: new()
            {
                ["Kestrel:Endpoints:Strict:Url"] = $"http://127.0.0.1:{ports[0]}",
                ["Kestrel:Endpoints:Strict:Mptcp:Fallback"] = "Reject",
            });
        foreach (var address in server.Addresses)
        {
            var answer = await TalkAsync(
                IPEndPoint.Parse($"{address.Host}:{address.Port}"), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            var isFree = address.Port != ports[0] && address != server.Addresses.Last(other => other.Port != ports[0]);
            Assert.Equal(isFree, answer.StartsWith("HTTP/1.1 200", StringComparison.Ordinal));
            Assert.Equal(isFree, answer.Length > 0);
        }
    }

    [Theory]
    [InlineData("reno")]
    [InlineData("cubic")]
    public async Task CongestionControl_Set_AcceptedConnectionsHaveIt(string name)
    {
        Requires.That(
            (await File.ReadAllTextAsync($"/proc/sys/net/ipv4/tcp_{(Environment.IsPrivilegedProcess ? "available" : "allowed")}_congestion_control"))
                .Split(' ', '\n').Contains(name),
            $"This kernel has no {name}, or does not allow it.");
        var seen = new TaskCompletionSource<string>();
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.WebHost.UseMptcp();
                builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(next => connection =>
                {
                    var value = new byte[16];
                    var socket = connection.Features.Get<Microsoft.AspNetCore.Connections.Features.IConnectionSocketFeature>()!.Socket;
                    var length = socket.GetRawSocketOption(6, 13, value);
                    seen.TrySetResult(Encoding.ASCII.GetString(value, 0, length).TrimEnd('\0'));
                    return next(connection);
                })));
            },
            configuration: new() { ["Mptcp:CongestionControl"] = name });
        Assert.Equal("active", await server.GetStatusAsync(mptcp: true));
        Assert.Equal(name, await seen.Task);
    }

    private static async Task<string[]> AskAllAsync(Server server)
    {
        using var client = new HttpClient(Client.CreateHandler(mptcp: true));
        return await Task.WhenAll(server.Addresses.Select(address => client.GetStringAsync(address)));
    }

    /// <summary>What a TCP client hears until the server closes, by FIN or by reset; the reset can overtake the connect.</summary>
    private static async Task<string> TalkAsync(IPEndPoint server, string says)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var heard = new StringBuilder();
        try
        {
            using var socket = await Client.ConnectAsync(server, mptcp: false, timeout.Token);
            await socket.SendAsync(Encoding.ASCII.GetBytes(says), timeout.Token);
            var buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer, timeout.Token) is var count and > 0)
            {
                heard.Append(Encoding.ASCII.GetString(buffer, 0, count));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // Closed, which is what the callers ask about.
        }

        return heard.ToString();
    }
}
