using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>The sample Download where it can't do what it is asked: the exit codes of curl, and one line that says why.</summary>
public sealed class DownloadErrorTests
{
    public DownloadErrorTests() => Requires.Mptcp();

    [Theory]
    [InlineData(1, "Protocol \"ftp\" not supported", "ftp://127.0.0.1/file")]
    [InlineData(1, "Protocol \"file\" not supported", "file:///etc/hostname")]
    [InlineData(2, "Required argument 'URL' missing for command: 'Download'; try --help")]
    [InlineData(2, "Unrecognized command or argument '--nonsense'; try --help", "http://127.0.0.1/", "--nonsense")]
    [InlineData(2, "Required argument missing for option: '-o'; try --help", "http://127.0.0.1/", "-o")]
    [InlineData(2, "option --output: expected the name of a file; try --help", "http://127.0.0.1/", "-o", "")]
    [InlineData(2, "option --timeout: expected a number from 1 to 86400; try --help", "http://127.0.0.1/", "--timeout", "soon")]
    [InlineData(2, "option --retry: expected a number from 0 to 100; try --help", "http://127.0.0.1/", "--retry", "-1")]
    [InlineData(2, "Unrecognized command or argument 'http://127.0.0.2/'; try --help", "http://127.0.0.1/", "http://127.0.0.2/")]
    [InlineData(3, "Malformed URL: http://", "http://")]
    [InlineData(3, "Malformed URL: http://127.0.0.1:port/", "http://127.0.0.1:port/")]
    [InlineData(6, "Could not resolve host: nosuch.invalid", "nosuch.invalid/file")]
    public async Task Run_WithoutServer_EndsAsCurlDoes(int exitCode, string says, params string[] arguments)
    {
        using var folder = new DownloadFolder();
        AssertEnds(exitCode, says, await folder.RunAsync(arguments));
        Assert.Empty(folder.Files);
    }

    [Fact]
    public async Task Run_Help_PrintsUsageWithExitCodes()
    {
        using var folder = new DownloadFolder();
        var result = await folder.RunAsync("--help");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains("Usage:\n  Download <URL> [options]\n", result.Output);
        foreach (var option in new[] { "-o, --output <FILE>", "--require-mptcp", "--retry <NUMBER>", "--timeout <SECONDS>", "-h, --help" })
        {
            Assert.Contains(option, result.Output);
        }

        foreach (var exitCode in new[] { 0, 1, 2, 3, 6, 7, 18, 22, 23, 28, 33, 35, 43, 47, 56, 60, 101, 130, 143 })
        {
            Assert.Matches($"(?m)(^|  |and ) *{exitCode}  [a-zA-Z-]", result.Output);
        }
    }

    [Fact]
    public async Task Run_NobodyListens_NamesTheAddress()
    {
        using var folder = new DownloadFolder();
        var port = Ports.Free(1)[0];
        AssertEnds(
            7,
            $"Could not connect to 127.0.0.1:{port}: Connection refused",
            await folder.RunAsync($"http://127.0.0.1:{port}/file", "-o", "file"));
        Assert.Empty(folder.Files);
    }

    [Theory]
    [InlineData("nothing-here", 22, "The requested URL returned error: 404 Not Found")]
    [InlineData("loop", 47, "Redirect not followed: 302 to /loop")]
    public async Task Run_AnswerIsNotTheFile_LeavesNothing(string file, int exitCode, string says)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        AssertEnds(exitCode, says, await folder.RunAsync($"{server.Host}/{file}", "-o", "file"));
        Assert.Empty(folder.Files);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 \e]0;owned\aNot\u009b2JFound\r\nContent-Length: 0\r\n\r\n", 22, @"404 \x1b]0;owned\x07Not\x9b2JFound")]
    [InlineData("HTTP/1.1 305 Elsewhere\r\nLocation: http://a/\e]0;owned\a%1b[2J\r\nContent-Length: 0\r\n\r\n", 47, "Redirect not followed: 305 to http://a/")]
    [InlineData("HTTP/1.1 200 OK\r\nNo colon\e]0;owned\a\r\n\r\n", 56, "No response from 127.0.0.1: ")]
    public async Task Run_ServerSendsControlCharacters_PrintsNone(string answer, int exitCode, string says)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var folder = new DownloadFolder();
        var program = folder.Start($"http://{listener.LocalEndpoint}/file", "--retry", "0");
        using (var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken))
        {
            await socket.ReceiveAsync(new byte[4096]);
            await socket.SendAsync(Encoding.Latin1.GetBytes(answer));
            await socket.ReceiveAsync(new byte[4096]);
        }

        var result = await DownloadFolder.FinishAsync(program);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(says, result.Error);
        Assert.DoesNotContain(result.Error, c => char.IsControl(c) && c != '\n');
    }

    [Theory]
    [InlineData("missing/file", "Could not find a part of the path")]
    [InlineData("folder", "is a directory")]
    public async Task Run_FileCannotBeWritten_EndsBeforeTheBody(string file, string says)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        Directory.CreateDirectory(folder.PathOf("folder"));
        server.Interruptions.Enqueue(Interruption.Stall(0));
        var result = await folder.RunAsync(server.Url, "-o", file);
        Assert.Equal(23, result.ExitCode);
        Assert.Matches($"(?m)^download: \\(23\\) Could not write: .*{says}.*\n$", result.Error);
    }

    /// <summary>In a folder that others can write to, a link at FILE.part can lead to any file of the user.</summary>
    [Theory]
    [InlineData("precious", false)]
    [InlineData("precious", true)]
    [InlineData("missing", false)]
    public async Task Run_PartIsASymbolicLink_LeavesItsTargetAlone(string target, bool hasInfo)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        using var elsewhere = new DownloadFolder();
        await File.WriteAllTextAsync(elsewhere.PathOf("precious"), "data", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(folder.PathOf("file.bin.part"), elsewhere.PathOf(target));
        if (hasInfo)
        {
            await File.WriteAllLinesAsync(folder.PathOf("file.bin.part.info"), [server.Url, server.ETag!, "4000000"], TestContext.Current.CancellationToken);
        }

        AssertEnds(23, "Could not write: 'file.bin.part' is a symbolic link", await folder.RunAsync(server.Url), isWhole: false);
        Assert.Equal(["precious"], elsewhere.Files);
        Assert.Equal("data", await File.ReadAllTextAsync(elsewhere.PathOf("precious"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Run_InfoIsASymbolicLink_LeavesItsTargetAlone()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        using var elsewhere = new DownloadFolder();
        await File.WriteAllTextAsync(elsewhere.PathOf("precious"), "data", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(folder.PathOf("file.bin.part.info"), elsewhere.PathOf("precious"));

        Assert.Equal(0, (await folder.RunAsync(server.Url)).ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Equal("data", await File.ReadAllTextAsync(elsewhere.PathOf("precious"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Run_DiskIsFull_Ends()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        var result = await folder.RunShellAsync($"exec $download -o - {server.Url} > /dev/full");
        Assert.Equal(23, result.ExitCode);
        Assert.Contains("download: (23) Could not write: No space left on device", result.Error);
    }

    [Fact]
    public async Task Run_ConnectionLostAgainAndAgain_EndsWithAPartThatCanGoOn()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        for (var i = 0; i < 3; i++)
        {
            // Each time as far as the first.
            server.Interruptions.Enqueue(i == 0 ? Interruption.Abort(1_000_000, folder) : new Interruption(0, async context =>
            {
                await context.Response.StartAsync();
                context.Abort();
            }));
        }

        var result = await folder.RunAsync(server.Url, "--retry", "2");
        Assert.Equal(18, result.ExitCode);
        Assert.Contains("download: (18) Ended after 1,000,000 of 4,000,000 bytes: ", result.Error);
        Assert.Contains("1,000,000 of 4,000,000 bytes are kept in file.bin.part; the same command again goes on from there.", result.Error);
        Assert.Equal(3, server.Requests.Count);

        Assert.Equal(0, (await folder.RunAsync(server.Url)).ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
    }

    /// <summary>One that starts over each time gets bytes each time, and must end all the same.</summary>
    [Fact]
    public async Task Run_ConnectionLostAtTheSamePlaceWithoutRanges_Ends()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.HasRanges = false;
        for (var i = 0; i < 10; i++)
        {
            server.Interruptions.Enqueue(Interruption.Abort(1_000_000, folder));
        }

        Assert.Equal(18, (await folder.RunAsync(server.Url, "--retry", "1")).ExitCode);
        Assert.Equal(2, server.Requests.Count);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"a\"\r\n\r\nhalf", 18, "Ended after 4 of 10 bytes: Connection lost: ")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 18, "Ended after 4 bytes: Connection lost: ")]
    [InlineData("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\nhalf", 33, "The server sent a part of the file")]
    [InlineData("", 56, "No response from 127.0.0.1: ")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", 56, "No response from 127.0.0.1: ")]
    public async Task Run_ServerBreaksOff_Ends(string answer, int exitCode, string says)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var end = new CancellationTokenSource();
        var serving = AnswerAsync();
        using var folder = new DownloadFolder();
        AssertEnds(exitCode, says, await folder.RunAsync($"http://{listener.LocalEndpoint}/file", "--retry", "0"), isWhole: false);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving);

        // HttpClient asks again by itself where nothing comes.
        async Task AnswerAsync()
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(end.Token);
                await socket.ReceiveAsync(new byte[4096]);
                await socket.SendAsync(Encoding.ASCII.GetBytes(answer));
                socket.Shutdown(SocketShutdown.Send);

                // Until the client has closed, for a reset could overtake the answer.
                await socket.ReceiveAsync(new byte[4096]);
            }
        }
    }

    [Theory]
    [InlineData(1_000_000, "Ended after 1,000,000 of 4,000,000 bytes: Nothing received for 3 s")]
    [InlineData(-1, "Nothing received for 3 s")]
    public async Task Run_NothingComes_TimesOut(long after, string says)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        if (after < 0)
        {
            server.Answers.Enqueue(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        }
        else
        {
            server.Interruptions.Enqueue(Interruption.Stall(after));
        }

        AssertEnds(28, says, await folder.RunAsync(server.Url, "--timeout", "3", "--retry", "0"), isWhole: false);
    }

    [Fact]
    public async Task Run_CertificateOfNobody_IsNotTrusted()
    {
        await using var server = await FileServer.StartAsync(certificate: Server.Certificate);
        using var folder = new DownloadFolder();
        AssertEnds(60, "The certificate of 127.0.0.1 is not trusted: ", await folder.RunAsync(server.Url), isWhole: false);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Run_ServerWithoutTls_SaysSo()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        AssertEnds(35, "TLS with 127.0.0.1 failed: ", await folder.RunAsync($"https://{server.Host}/file.bin"), isWhole: false);
    }

    [Fact]
    public async Task Run_TrustedCertificate_GoesOnOverHttp2()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var server = await FileServer.StartAsync(certificate: certificate);
        using var home = new DownloadFolder();
        await File.WriteAllTextAsync(home.PathOf("certificate.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        using var folder = new DownloadFolder(home.PathOf("certificate.pem"));
        server.Interruptions.Enqueue(Interruption.Abort(1_000_000, folder));

        var result = await folder.RunAsync(server.Url, "--require-mptcp");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Equal([("HTTP/2", null), ("HTTP/2", "bytes=1000000-")], server.Requests.Select(request => (request.Protocol, request.Range)));
        Assert.Contains("status active: ", result.Error);
        Assert.Contains($"  127.0.0.1 → {server.Host} ", result.Error);
    }

    [Fact]
    public async Task RequireMptcp_TcpServer_EndsBeforeTheBody()
    {
        await using var server = await FileServer.StartAsync(mptcp: false);
        using var folder = new DownloadFolder();
        server.Interruptions.Enqueue(Interruption.Stall(0));
        AssertEnds(
            101,
            "Multipath TCP is required, and the connection fell back to TCP: Multipath TCP was asked for, and the peer or something on the way refused it or removed its options",
            await folder.RunAsync(server.Url, "--require-mptcp"));
        Assert.Empty(folder.Files);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Run_HostWithoutMptcp_SaysWhyAndWhatToDo(bool required)
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await host.ExecuteAsync("sysctl", "-qw", "net.mptcp.enabled=0");
        using var listener = host.Run(() => new TcpListener(IPAddress.Loopback, 0));
        host.Run(listener.Start);
        using var folder = new DownloadFolder();
        var running = folder.StartOn(host, required ? ["--require-mptcp", $"http://{listener.LocalEndpoint}/"] : [$"http://{listener.LocalEndpoint}/"]);
        if (!required)
        {
            using var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
            await socket.ReceiveAsync(new byte[4096]);
            await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
            await socket.ReceiveAsync(new byte[4096]);
        }

        var result = await DownloadFolder.FinishAsync(running);
        Assert.Equal(required ? 101 : 0, result.ExitCode);
        Assert.Contains(required ? "download: (101) Multipath TCP is required. " : "status unavailable: the connection is plain TCP", result.Error);
        Assert.Contains("(net.mptcp.enabled is 0). Switch it on with: sysctl -w net.mptcp.enabled=1", result.Error);
        Assert.Equal(required ? [] : ["index.html"], folder.Files);
        Assert.False(required && listener.Pending());
    }

    private static void AssertEnds(int exitCode, string says, CommandResult result, bool isWhole = true)
    {
        Assert.Equal(exitCode, result.ExitCode);

        // Before it there can be lines of progress on a slow machine.
        var line = Assert.Single(result.Error.Split('\n'), line => line.StartsWith("download: ", StringComparison.Ordinal));
        if (isWhole)
        {
            Assert.Equal($"download: ({exitCode}) {says}", line);
        }
        else
        {
            Assert.StartsWith($"download: ({exitCode}) {says}", line);
        }

        Assert.Empty(result.Output);
    }
}
