using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>What the doctor says, and how.</summary>
public sealed class DoctorTests
{
    private const string Path = "/mptcp/doctor";

    public DoctorTests() => Requires.Mptcp();

    [Fact]
    public async Task Get_Development_PageOfTextThatIsNotStored()
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync(Path);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain; charset=utf-8", $"{response.Content.Headers.ContentType}");
        Assert.Equal("no-store", $"{response.Headers.CacheControl}");
        var page = await response.Content.ReadAsStringAsync();
        Assert.StartsWith("Multipath TCP on this host: ", page);
        Assert.Contains($"  Listener: {server.EndPoint} MPTCP\n", page);
        Assert.Contains("  net.mptcp.enabled: 1\n", page);
        Assert.Contains("  MPCapableSYNRX: ", await GetPageAfterMptcpAsync(server));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public async Task Get_ExaminationFails_ProblemWithTheReason(string format)
    {
        await using var server = await StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.Services.AddSingleton<IPostConfigureOptions<MptcpConnectOptions>>(_ => throw new InvalidOperationException("It can't be read."));
        });
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync($"{Path}?format={format}");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal("It can't be read.", problem.GetProperty("detail").GetString());
        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "DiagnosticEndpointFailed");
        Assert.IsType<InvalidOperationException>(line.Exception);
    }

    [Fact]
    public async Task Get_UnknownFormat_ProblemNamesTheAllowedOnes()
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync(Path + "?format=xml");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("Allowed: text, json.", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Get_Json_CommandsAreWrittenAsTheyAre()
    {
        await using var server = await StartAsync(builder =>
            builder.WebHost.UseMptcp(options => options.Mode = MptcpMode.Disabled));
        using var client = server.CreateClient(mptcp: false);
        using var response = await client.GetAsync(Path + "?format=json");
        var json = await response.Content.ReadAsStringAsync();
        Assert.StartsWith("{\n  \"verdict\": \"No listener of this application speaks Multipath TCP; ", json);
        Assert.DoesNotContain("\\u00", json);
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
        Assert.DoesNotContain("token\"", json, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(null, "", "text/plain")]
    [InlineData("*/*", "", "text/plain")]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8", "", "text/plain")]
    [InlineData("application/json", "", "application/json")]
    [InlineData("text/plain;q=0.5,application/json", "", "application/json")]
    [InlineData("text/plain,application/json;q=0.5", "", "text/plain")]
    [InlineData("text/plain", "?format=json", "application/json")]
    [InlineData("application/json", "?format=text", "text/plain")]
    public async Task Get_AcceptAndFormat_Decide(string? accept, string query, string mediaType)
    {
        await using var server = await StartAsync();
        using var client = server.CreateClient(mptcp: false);
        using var request = new HttpRequestMessage(HttpMethod.Get, Path + query);
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var response = await client.SendAsync(request);
        Assert.Equal(mediaType, response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(mediaType == "application/json", (await response.Content.ReadAsStringAsync()).StartsWith('{'));
    }

    [Fact]
    public async Task Get_Json_HasFindingsAndFacts()
    {
        await using var server = await StartAsync(builder =>
            builder.WebHost.UseMptcp(options => options.Mode = MptcpMode.Disabled));
        var json = await GetJsonAsync(server);

        var finding = json.GetProperty("findings").EnumerateArray().Single(finding => finding.GetProperty("id").GetString() == "listener-not-mptcp");
        Assert.Equal("information", finding.GetProperty("severity").GetString());
        Assert.Contains($"{server.EndPoint}", finding.GetProperty("seen").GetString());
        Assert.NotEqual("", finding.GetProperty("why").GetString());
        Assert.NotEqual("", finding.GetProperty("remedy").GetString());

        var facts = json.GetProperty("facts");
        Assert.True(facts.GetProperty("overIPv4").GetProperty("isSupported").GetBoolean());
        Assert.Equal("1", facts.GetProperty("settings").GetProperty("net.mptcp.enabled").GetString());
        Assert.Equal(JsonValueKind.Number, facts.GetProperty("counters").GetProperty("MPCapableSYNRX").ValueKind);
        Assert.Equal(JsonValueKind.Number, facts.GetProperty("pathManager").GetProperty("subflowLimit").ValueKind);
        var listener = Assert.Single(facts.GetProperty("listeners").EnumerateArray());
        Assert.Equal($"{server.EndPoint}", listener.GetProperty("endPoint").GetString());
        Assert.Equal("disabled", listener.GetProperty("mode").GetString());
        Assert.All(facts.GetProperty("localAddresses").EnumerateArray(), address => IPAddress.Parse(address.GetProperty("address").GetString()!));
    }

    [Fact]
    public async Task Examine_EachKindOfListener_Listed()
    {
        var socket = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"mptcp-doctor-{Environment.ProcessId}.sock");
        var ports = Ports.Free(3);
        await using var server = await StartAsync(builder =>
        {
            builder.WebHost.UseMptcp(options => options.CongestionControl = "reno");
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, ports[0]);
                kestrel.Listen(new MptcpEndPoint(IPAddress.Loopback, ports[1]) { Mode = MptcpMode.Disabled });
                kestrel.Listen(IPAddress.Loopback, ports[2]);
                kestrel.ListenUnixSocket(socket);
            });

            // Somebody opens all but the first as TCP.
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint =>
            {
                if (endPoint is not IPEndPoint ip || ip.Port != ports[0])
                {
                    return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
                }

                var opened = MptcpSocket.Create(endPoint.AddressFamily);
                opened.Bind(endPoint);
                return opened;
            });
        });

        var report = await MptcpDoctor.ExamineAsync(server.Services);
        var listeners = report.Facts.Listeners.ToDictionary(listener => listener.EndPoint.ToString()!);
        Assert.Equal(4, listeners.Count);
        var mptcp = listeners[$"127.0.0.1:{ports[0]}"];
        Assert.Equal((true, null, MptcpMode.Preferred, "reno"), (mptcp.IsMptcp, mptcp.WhyNotMptcp, mptcp.Mode, mptcp.CongestionControl));
        var disabled = listeners[$"127.0.0.1:{ports[1]}"];
        Assert.Equal((false, MptcpMode.Disabled, null), (disabled.IsMptcp, disabled.Mode, disabled.CongestionControl));
        Assert.Contains("disabled by configuration", disabled.WhyNotMptcp);
        Assert.Contains("is plain TCP", listeners[$"127.0.0.1:{ports[2]}"].WhyNotMptcp);
        Assert.False(listeners[socket].IsMptcp);

        var finding = Assert.Single(report.Findings, finding => finding.Id == "listener-not-mptcp");
        Assert.Equal(MptcpFindingSeverity.Warning, finding.Severity);
        Assert.Contains($":{ports[1]}", finding.Seen);
        Assert.Contains($":{ports[2]}", finding.Seen);
        Assert.DoesNotContain(socket, finding.Seen);
        Assert.False(report.Facts.IsClient);
    }

    [Fact]
    public async Task Examine_EndpointMovedByTheConfiguration_ListedWhereItIsNow()
    {
        var ports = Ports.Free(2);
        await using var server = await Server.StartAsync(configuration: new() { ["Kestrel:Endpoints:A:Url"] = Url(0) });
        Assert.Equal(["127.0.0.1:" + ports[0]], await GetListenersAsync());

        var configuration = (IConfigurationRoot)server.Services.GetRequiredService<IConfiguration>();
        configuration["Kestrel:Endpoints:A:Url"] = Url(1);
        configuration.Reload();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await GetListenersAsync() is not [var only] || only != "127.0.0.1:" + ports[1])
        {
            await Task.Delay(10, timeout.Token);
        }

        string Url(int index) => $"http://127.0.0.1:{ports[index]}";

        async Task<string[]> GetListenersAsync() =>
            [.. (await MptcpDoctor.ExamineAsync(server.Services)).Facts.Listeners.Select(listener => listener.EndPoint.ToString()!)];
    }

    [Fact]
    public async Task Examine_UseMptcpForgotten_SaysSo()
    {
        await using var server = await StartAsync(_ => { });
        var finding = Assert.Single((await MptcpDoctor.ExamineAsync(server.Services)).Findings, finding => finding.Id == "listener-not-mptcp");
        Assert.Equal(MptcpFindingSeverity.Warning, finding.Severity);
        Assert.Contains($"{server.EndPoint} (builder.WebHost.UseMptcp() was not called)", finding.Seen);
    }

    [Fact]
    public async Task Examine_ApplicationWithMptcpClients_IsAClientToo()
    {
        await using var server = await StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();
            builder.Services.AddHttpClient("other").UseMptcp();
        });
        Assert.True((await MptcpDoctor.ExamineAsync(server.Services)).Facts.IsClient);
    }

    [Theory]
    [InlineData(HttpProtocols.Http1AndHttp2AndHttp3, false, true)]
    [InlineData(HttpProtocols.Http1AndHttp2AndHttp3, true, false)]
    [InlineData(HttpProtocols.Http1AndHttp2, false, false)]
    public async Task Get_Http3_FoundWhereItIsAdvertised(HttpProtocols protocols, bool disableAltSvc, bool found)
    {
        await using var server = await StartAsync(builder =>
        {
            builder.WebHost.UseMptcp();

            // This machine has no MsQuic: a transport that listens to nobody makes Kestrel advertise HTTP/3 all the same.
            builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory, DeafQuic>();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, Ports.Free(1)[0], listen =>
            {
                listen.Protocols = protocols;
                listen.DisableAltSvcHeader = disableAltSvc;
                listen.UseHttps(Server.Certificate);
            }));
        });
        using var client = server.CreateClient(mptcp: true);
        using var response = await client.GetAsync(Path);
        Assert.Equal(found, response.Headers.Contains("Alt-Svc"));
        var page = await response.Content.ReadAsStringAsync();
        Assert.Equal(found, page.Contains("Information: http3-advertised\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task QuickStart_DevelopmentOnAHostWithoutMptcp_PrintsTheFindingsAndAnswers()
    {
        Requires.Namespaces();
        Requires.Programs("curl");
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/mptcp/enabled", "0");
        using var sample = await QuickStartProcess.StartAsync(new() { ["ASPNETCORE_ENVIRONMENT"] = "Development" }, host);
        await sample.Program.WaitForTextAsync("Error: mptcp-off: ");
        var line = sample.Program.Output.Split('\n').Single(line => line.StartsWith("Error: mptcp-off: ", StringComparison.Ordinal));
        Assert.Contains("sysctl -w net.mptcp.enabled=1", line);
        await sample.Program.WaitForTextAsync("Warning: listener-not-mptcp: ");

        var page = await host.ExecuteAsync("curl", "-sS", $"http://127.0.0.1:{sample.Port}{Path}");
        Assert.Contains("\nError: mptcp-off\n  Seen:   ", page);
    }

    [Fact]
    public async Task QuickStart_Production_PrintsNoneAndIsClosed()
    {
        Requires.Programs("curl");
        using var sample = await QuickStartProcess.StartAsync();
        await sample.Program.WaitForTextAsync("Try it over TCP");
        Assert.StartsWith(
            "HTTP/1.1 404 ", await Command.RunCheckedAsync("curl", "-sSi", $"http://127.0.0.1:{sample.Port}{Path}"));
        Assert.DoesNotContain("congestion-control:", sample.Program.Output);
    }

    private static Task<Server> StartAsync(Action<WebApplicationBuilder>? configure = null) => Server.StartAsync(
        builder =>
        {
            builder.Environment.EnvironmentName = Environments.Development;
            (configure ?? (b => b.WebHost.UseMptcp()))(builder);
        },
        app => app.MapMptcpDoctor(Path));

    private static async Task<JsonElement> GetJsonAsync(Server server)
    {
        using var client = server.CreateClient(mptcp: false);
        client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return JsonDocument.Parse(await client.GetStringAsync(Path)).RootElement;
    }

    private static async Task<string> GetPageAfterMptcpAsync(Server server)
    {
        using var client = server.CreateClient(mptcp: true);
        return await client.GetStringAsync(Path);
    }

    private sealed class DeafQuic : IMultiplexedConnectionListenerFactory
    {
        public ValueTask<IMultiplexedConnectionListener> BindAsync(
            EndPoint endpoint, Microsoft.AspNetCore.Http.Features.IFeatureCollection? features = null, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult<IMultiplexedConnectionListener>(new Listener(endpoint));

        private sealed class Listener(EndPoint endPoint) : IMultiplexedConnectionListener
        {
            private readonly TaskCompletionSource<MultiplexedConnectionContext?> _end = new();

            public EndPoint EndPoint => endPoint;

            public async ValueTask<MultiplexedConnectionContext?> AcceptAsync(
                Microsoft.AspNetCore.Http.Features.IFeatureCollection? features = null, CancellationToken cancellationToken = default) => await _end.Task;

            public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => DisposeAsync();

            public ValueTask DisposeAsync()
            {
                _end.TrySetResult(null);
                return ValueTask.CompletedTask;
            }
        }
    }
}
