using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>The sample as its reader runs it, and clients that nobody here wrote.</summary>
public sealed class QuickStartTests
{
    public QuickStartTests() => Requires.Mptcp();

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    public async Task Curl_PlainAndUnderMptcpize_SeeWhatTheReadmeSays(string address)
    {
        Requires.Programs("curl", "mptcpize");
        using var sample = await QuickStartProcess.StartAsync();
        Assert.Contains("Multipath TCP is on", sample.Program.Output);
        await sample.Program.WaitForTextAsync($"mptcpize run curl -i http://localhost:{sample.Port}");
        var url = $"http://{address}:{sample.Port}";

        var tcp = await CurlAsync(mptcp: false, url);
        Assert.Contains("\nMptcp-Status: not-negotiated\n", tcp);
        AssertJson("not-negotiated", 0, tcp);

        var mptcp = await CurlAsync(mptcp: true, url);
        Assert.Contains("\nMptcp-Status: active;subflows=1\n", mptcp);
        AssertJson("active", 1, mptcp);

        var refused = await CurlAsync(mptcp: false, $"{url}/mptcp-only");
        Assert.StartsWith("HTTP/1.1 403 ", refused);
        Assert.Contains("Content-Type: application/problem+json", refused);
        Assert.Contains("Mptcp-Status: not-negotiated", refused);

        var served = await CurlAsync(mptcp: true, $"{url}/mptcp-only");
        Assert.StartsWith("HTTP/1.1 200 ", served);

        void AssertJson(string status, int subflows, string response)
        {
            var json = JsonDocument.Parse(response[response.IndexOf("\n\n", StringComparison.Ordinal)..]).RootElement;
            Assert.Equal(status, json.GetProperty("status").GetString());
            Assert.Equal(subflows, json.GetProperty("subflows").GetInt32());
            Assert.StartsWith($"{address}:", json.GetProperty("remote").GetString());
            Assert.Equal("HTTP/1.1", json.GetProperty("protocol").GetString());
        }
    }

    /// <summary>As the README says to run it. Only the port is another one, because others may use that of the sample.</summary>
    [Fact]
    public async Task DotnetRun_Newcomer_PrintsUrlsThatAnswer()
    {
        Requires.Programs("curl", "git");
        var root = (await Command.RunCheckedAsync("git", "-C", AppContext.BaseDirectory, "rev-parse", "--show-toplevel")).Trim();
        var url = $"http://localhost:{Ports.Free(1)[0]}";
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        using var program = RunningProgram.Start(
            "dotnet", ["run", "--project", $"{root}/samples/QuickStart", "-c", configuration, "--no-build", "--", "--urls", url]);
        await program.WaitForTextAsync("Application started.");
        await program.WaitForTextAsync($"mptcpize run curl -i {url}");
        Assert.Contains("Hosting environment: Development", program.Output);
        foreach (var path in new[] { "mptcp/doctor", "mptcp/connections" })
        {
            Assert.Contains($" {url}/{path}\n", program.Output);
            Assert.StartsWith("HTTP/1.1 200 ", await CurlAsync(mptcp: false, $"{url}/{path}"));
        }
    }

    [Fact]
    public async Task LaunchSettings_Url_IsTheOneOfTheReadme()
    {
        Requires.Programs("git");
        var root = (await Command.RunCheckedAsync("git", "-C", AppContext.BaseDirectory, "rev-parse", "--show-toplevel")).Trim();
        using var settings = JsonDocument.Parse(await File.ReadAllTextAsync($"{root}/samples/QuickStart/Properties/launchSettings.json"));
        var profile = Assert.Single(settings.RootElement.GetProperty("profiles").EnumerateObject()).Value;
        var url = profile.GetProperty("applicationUrl").GetString()!;
        Assert.Contains($"curl -i {url}\n", await File.ReadAllTextAsync($"{root}/README.md"));
    }

    [Fact]
    public async Task WebApplicationFactory_OnRealKestrel_ServesBoth()
    {
        await using var factory = new OnKestrel();
        factory.UseKestrel(0);
        factory.StartServer();
        using var tcp = factory.CreateClient();
        Assert.Contains("\"status\":\"not-negotiated\"", await tcp.GetStringAsync("/"));
        using var mptcp = new HttpClient(Client.CreateHandler(mptcp: true)) { BaseAddress = factory.ClientOptions.BaseAddress };
        Assert.Contains("\"status\":\"active\"", await mptcp.GetStringAsync("/"));
        using var response = await tcp.GetAsync("/mptcp-only");
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Start_HostWithoutMptcp_ServesTcpAndSaysWhyAndWhatToDo()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ExecuteAsync("sysctl", "-qw", "net.mptcp.enabled=0");
        using var sample = await QuickStartProcess.StartAsync(host: host);

        Assert.Equal(1, CountOf("Multipath TCP is off, everybody is served over TCP.", sample.Program.Output));
        Assert.Contains("net.mptcp.enabled is 0", sample.Program.Output);
        Assert.Contains("sysctl -w net.mptcp.enabled=1", sample.Program.Output);
        Assert.Contains("warn: Mptcp.AspNetCore.Transport[2]", sample.Program.Output);
        foreach (var address in new[] { "127.0.0.1", "[::1]" })
        {
            Assert.Contains(
                "\"status\":\"unavailable\"", await host.ExecuteAsync("curl", "-sS", $"http://{address}:{sample.Port}/"));
        }
    }

    [Theory]
    [InlineData("Mptcp__Mode", "Required", "Multipath TCP is required (Mode is Required)")]
    [InlineData("Mptcp__Fallback", "Reject", "everybody would be rejected (Fallback is Reject)")]
    public async Task Start_HostWithoutMptcpThatMustHaveIt_RefusesWithReasonAndRemedy(string name, string value, string says)
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ExecuteAsync("sysctl", "-qw", "net.mptcp.enabled=0");
        using var sample = QuickStartProcess.Launch(new() { [name] = value }, host);

        Assert.NotEqual(0, await sample.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        var line = sample.Program.Error.Split('\n').First(line => line.StartsWith("Unhandled exception.", StringComparison.Ordinal));
        Assert.Contains(says, line);
        Assert.Contains("net.mptcp.enabled is 0", line);
        Assert.Contains("sysctl -w net.mptcp.enabled=1", line);
    }

    [Theory]
    [InlineData(22, "older than Linux 5.6")]
    [InlineData(93, "built without Multipath TCP")]
    [InlineData(1, "security policy")]
    [InlineData(13, "security policy")]
    public async Task Start_KernelThatRefusesTheProtocol_ServesTcpAndSaysWhy(int errno, string says)
    {
        Requires.Programs("gcc", "curl");
        using var sample = await QuickStartProcess.StartAsync(await ImitatedKernel.GetEnvironmentAsync(ImitatedKernel.SocketFails(errno)));
        Assert.Contains("Multipath TCP is off", sample.Program.Output);
        Assert.Contains(says, sample.Program.Output);
        Assert.Contains("\"status\":\"unavailable\"", await CurlAsync(mptcp: true, $"http://127.0.0.1:{sample.Port}"));
    }

    /// <summary>No descriptors left is no reason to go without MPTCP: it says nothing about MPTCP.</summary>
    [Fact]
    public async Task Start_NoSocketToBeHad_Fails()
    {
        Requires.Programs("gcc");
        using var sample = QuickStartProcess.Launch(
            await ImitatedKernel.GetEnvironmentAsync(ImitatedKernel.SocketFails(24)), host: null, "--urls", "http://127.0.0.1:0");
        Assert.NotEqual(0, await sample.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.DoesNotContain("Multipath TCP is off", sample.Program.Output);
        Assert.Contains("Too many open files", sample.Program.Error);
    }

    [Theory]
    [InlineData(ImitatedKernel.NoNoDelay)]
    [InlineData(ImitatedKernel.NoNoDelay, ImitatedKernel.NoTcpIsMptcp, ImitatedKernel.NoMptcpInfo)]
    [InlineData(ImitatedKernel.NoTcpIsMptcp)]
    public async Task Serve_OlderKernel_StatusRightAndNobodyDropped(params string[] imitations)
    {
        Requires.Programs("gcc", "curl", "mptcpize");
        using var sample = await QuickStartProcess.StartAsync(await ImitatedKernel.GetEnvironmentAsync(imitations));
        Assert.Equal(
            imitations.Contains(ImitatedKernel.NoNoDelay), sample.Program.Output.Contains("refuses TCP_NODELAY", StringComparison.Ordinal));
        for (var i = 0; i < 5; i++)
        {
            Assert.Contains("\"status\":\"active\"", await CurlAsync(mptcp: true, $"http://127.0.0.1:{sample.Port}"));
            Assert.Contains("\"status\":\"not-negotiated\"", await CurlAsync(mptcp: false, $"http://[::1]:{sample.Port}"));
        }

        await sample.Program.InterruptAsync();
        Assert.Equal(0, await sample.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData("Mptcp__Mode", "Maybe", "Mptcp:Mode is \"Maybe\"; allowed are Preferred, Required, Disabled.")]
    [InlineData("Mptcp__CongestionControl", "warp", "Mptcp:CongestionControl is \"warp\"; this kernel has ")]
    public async Task Start_WrongEnvironment_EndsWithOneClearLine(string name, string value, string says)
    {
        using var sample = QuickStartProcess.Launch(new() { [name] = value });
        Assert.NotEqual(0, await sample.Program.WaitForExitAsync(TimeSpan.FromMinutes(1)));
        Assert.Contains(says, sample.Program.Error.Split('\n').First(line => line.StartsWith("Unhandled exception.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Start_DisabledInTheEnvironment_ServesTcp()
    {
        Requires.Programs("curl", "mptcpize");
        using var sample = await QuickStartProcess.StartAsync(new() { ["Mptcp__Mode"] = "Disabled" });
        Assert.Contains("disabled by configuration for all endpoints", sample.Program.Output);
        Assert.Contains("\"status\":\"unavailable\"", await CurlAsync(mptcp: true, $"http://127.0.0.1:{sample.Port}"));
    }

    private static int CountOf(string text, string where) => where.Split(text).Length - 1;

    private static async Task<string> CurlAsync(bool mptcp, string url)
    {
        string[] curl = ["curl", "-sSi", "--max-time", "30", url];
        return mptcp ? await Command.RunCheckedAsync("mptcpize", ["run", .. curl]) : await Command.RunCheckedAsync(curl[0], curl[1..]);
    }

    private sealed class OnKestrel : WebApplicationFactory<Program>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder) => builder.UseMptcp();
    }
}
