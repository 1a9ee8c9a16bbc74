using System.Globalization;
using System.Text.RegularExpressions;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>The sample Download as its reader runs it: whole files, and those that were cut off.</summary>
public sealed class DownloadTests
{
    private const int Some = 1_000_000;

    public DownloadTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true, "status active: the connection speaks Multipath TCP")]
    [InlineData(false, "status fell-back: the connection fell back to TCP")]
    public async Task Run_WholeFile_IsTheServersAndStatusIsSaid(bool mptcp, string says)
    {
        await using var server = await FileServer.StartAsync(mptcp);
        using var folder = new DownloadFolder();
        var result = await folder.RunAsync(server.Url);

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["file.bin"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Contains("file.bin: 4,000,000 bytes in ", result.Error);
        Assert.Contains(" Mbit/s on average\n", result.Error);
        Assert.Contains(says, result.Error);
        Assert.Equal(mptcp, result.Error.Contains($"  127.0.0.1 → {server.Host} ", StringComparison.Ordinal));
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("-INT", 130, "\"one\"")]
    [InlineData("-TERM", 143, "\"one\"")]
    [InlineData("-INT", 130, null)]
    public async Task Run_InterruptedAndRunAgain_TransfersOnlyTheRest(string signal, int exitCode, string? tag)
    {
        await using var server = await FileServer.StartAsync();
        server.ETag = tag;
        server.LastModified = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        server.Interruptions.Enqueue(Interruption.Stall(Some));
        using var folder = new DownloadFolder();
        var program = folder.Start(server.Url);
        await folder.UntilLengthAsync("file.bin.part", Some);
        await Command.RunCheckedAsync("kill", signal, $"{program.Id}");
        var interrupted = await DownloadFolder.FinishAsync(program);

        Assert.Equal(exitCode, interrupted.ExitCode);
        Assert.Contains(
            "Interrupted. 1,000,000 of 4,000,000 bytes are kept in file.bin.part; the same command again goes on from there.", interrupted.Error);
        Assert.Equal(["file.bin.part", "file.bin.part.info"], folder.Files);

        var result = await folder.RunAsync(server.Url);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["file.bin"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        await Wait.UntilAsync(() => server.Requests.Select(request => request.BytesSent).SequenceEqual([Some, server.Content.Length - Some]));
        Assert.Equal(("bytes=1000000-", tag ?? "Fri, 02 Jan 2026 03:04:05 GMT"), (server.Requests.Last().Range, server.Requests.Last().IfRange));
        Assert.Contains("Going on after 1,000,000 of 4,000,000 bytes.", result.Error);
        Assert.Contains("file.bin: 4,000,000 bytes, 3,000,000 of them now, in ", result.Error);
    }

    [Fact]
    public async Task Run_ConnectionLostTwice_GoesOnInTheSameRun()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.Interruptions.Enqueue(Interruption.Abort(Some, folder));
        server.Interruptions.Enqueue(new Interruption(Some, async context =>
        {
            await folder.UntilLengthAsync("file.bin.part", 2 * Some);
            context.Abort();
        }));

        // One retry is enough for two losses: there were bytes between them.
        var result = await folder.RunAsync(server.Url, "--retry", "1");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Equal([null, "bytes=1000000-", "bytes=2000000-"], server.Requests.Select(request => request.Range));
        Assert.Contains("Connection lost: ", result.Error);
        Assert.Contains("Going on after 2,000,000 of 4,000,000 bytes in 1 s.", result.Error);

        // In the second after a loss the connection is gone, and what it brought is still shown with the path that brought it.
        var lines = result.Error.Split('\n');
        var total = Array.FindIndex(lines, line => line.EndsWith(" Mbit/s  disconnected", StringComparison.Ordinal));
        Assert.True(total >= 0, result.Error);
        Assert.Matches($@"^  127\.0\.0\.1 → {server.Host} +\d+\.\d Mbit/s +100 %  RTT \d+\.\d\d ms$", lines[total + 1]);

        // What came on all three connections, with headers.
        var path = lines.Single(line => line.StartsWith("  127.0.0.1 → ", StringComparison.Ordinal) && line.Contains(" bytes ", StringComparison.Ordinal));
        Assert.InRange(NumberBefore(" bytes", path), 3_900_000, 4_100_000);
    }

    [Fact]
    public async Task Run_ServerIsUnwellForAMoment_GoesOn()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.Interruptions.Enqueue(Interruption.Abort(Some, folder));
        server.Answers.Enqueue(null);
        server.Answers.Enqueue(context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        var result = await folder.RunAsync(server.Url);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Contains("The requested URL returned error: 503 Service Unavailable. Going on after 1,000,000 of 4,000,000 bytes in 2 s.", result.Error);
    }

    [Theory]
    [InlineData("\"two\"", 1)]
    [InlineData(null, 2)]
    public async Task Run_FileChangedMeanwhile_StartsOver(string? tag, int day)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.ETag = tag is null ? null : "\"one\"";
        server.LastModified = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        await LeavePartAsync(server, folder);

        server.Content = [.. server.Content.Reverse()];
        server.ETag = tag;
        server.LastModified = new DateTimeOffset(2026, 1, day, 0, 0, 0, TimeSpan.Zero);
        var result = await folder.RunAsync(server.Url);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["file.bin"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Equal("bytes=1000000-", server.Requests.Last().Range);
        Assert.Contains("The file has changed on the server. Starting over.", result.Error);
    }

    [Fact]
    public async Task Run_ServerWithoutRanges_StartsOver()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.HasRanges = false;
        await LeavePartAsync(server, folder);

        var result = await folder.RunAsync(server.Url);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Contains("The server does not send parts. Starting over.", result.Error);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("W/\"weak\"", null)]
    [InlineData(null, "3000-01-01")]
    public async Task Run_NothingToTellVersionsApart_StartsOver(string? tag, string? date)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.ETag = tag;
        server.LastModified = date is null ? null : DateTimeOffset.Parse(date, CultureInfo.InvariantCulture);
        server.Interruptions.Enqueue(Interruption.Stall(Some));
        var program = folder.Start(server.Url);
        await folder.UntilLengthAsync("file.bin.part", Some);
        await program.InterruptAsync();
        Assert.Contains("The same command again starts from the beginning.", (await DownloadFolder.FinishAsync(program)).Error);

        // Another version, which nothing tells from the first.
        server.Content = [.. server.Content.Reverse()];
        Assert.Equal(0, (await folder.RunAsync(server.Url)).ExitCode);
        Assert.Equal(["file.bin"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Null(server.Requests.Last().Range);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_PartIsAsLongAsTheFile_IsTakenWhenItIsTheSame(bool changed)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        await LeavePartAsync(server, folder);
        await File.WriteAllBytesAsync(folder.PathOf("file.bin.part"), server.Content, TestContext.Current.CancellationToken);
        if (changed)
        {
            server.Content = [.. server.Content.Reverse()];

            // A server that looks at the range before the validator.
            server.ETag = "\"two\"";
            server.Answers.Enqueue(context =>
            {
                context.Response.StatusCode = 416;
                context.Response.Headers.ContentRange = "bytes */4000000";
                context.Response.Headers.ETag = "\"two\"";
                return Task.CompletedTask;
            });
        }

        var result = await folder.RunAsync(server.Url);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["file.bin"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Equal("bytes=4000000-", server.Requests.ElementAt(1).Range);
        Assert.Equal(changed ? 3 : 2, server.Requests.Count);
        Assert.Equal(!changed, result.Error.Contains("All of it is here already.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("bytes 500000-3999999/4000000", "\"one\"")]
    [InlineData("bytes 1000000-3999999/4000000", "\"two\"")]
    [InlineData("bytes 1000000-3999999/5000000", "\"one\"")]
    public async Task Run_PartThatIsNotTheOneAskedFor_IsNotAppended(string range, string tag)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        await LeavePartAsync(server, folder);
        server.Answers.Enqueue(async context =>
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = range;
            context.Response.Headers.ETag = tag;
            await context.Response.Body.WriteAsync(server.Content.AsMemory(Some));
        });

        Assert.Equal(0, (await folder.RunAsync(server.Url)).ExitCode);
        Assert.Equal(server.Hash, folder.HashOf("file.bin"));
        Assert.Equal([null, "bytes=1000000-", null], server.Requests.Select(request => request.Range));
    }

    [Fact]
    public async Task Run_Redirected_NameIsThatOfTheUrlAndGoesOn()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.Interruptions.Enqueue(Interruption.Stall(Some));
        var url = $"{server.Host}/elsewhere";
        var program = folder.Start(url);
        await folder.UntilLengthAsync("elsewhere.part", Some);
        await program.InterruptAsync();
        await DownloadFolder.FinishAsync(program);

        Assert.Equal(0, (await folder.RunAsync(url)).ExitCode);
        Assert.Equal(["elsewhere"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("elsewhere"));
        Assert.Equal("bytes=1000000-", server.Requests.Last().Range);
    }

    [Fact]
    public async Task Run_NamedFileAndStandardOutput_AreWritten()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.Content = "a line\n"u8.ToArray();
        Assert.Equal(0, (await folder.RunAsync(server.Url, "-o", "other")).ExitCode);
        Assert.Equal(["other"], folder.Files);
        Assert.Equal(server.Hash, folder.HashOf("other"));

        var output = await folder.RunAsync("-o", "-", server.Url);
        Assert.Equal((0, "a line\n"), (output.ExitCode, output.Output));
        Assert.Equal(["other"], folder.Files);
    }

    [Fact]
    public async Task Run_ErrorRedirected_PrintsLines()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        var enough = new TaskCompletionSource();
        server.Interruptions.Enqueue(new Interruption(Some, _ => enough.Task));
        var program = folder.Start(server.Url);
        await program.WaitForTextAsync(" 25 % 1.0 MB of 4.0 MB     0.0 Mbit/s  stalled  active\n");
        enough.SetResult();
        var result = await DownloadFolder.FinishAsync(program);

        Assert.Equal((0, server.Hash), (result.ExitCode, folder.HashOf("file.bin")));
        Assert.DoesNotContain('\e', result.Error);
        Assert.Matches($@"  127\.0\.0\.1 → {server.Host} +\d+\.\d Mbit/s +\d+ %  RTT \d+\.\d\d ms\n", result.Error);
    }

    [Fact]
    public async Task Run_ConnectionLost_ShowsDisconnectedUntilTheNextResponse()
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        var enough = new TaskCompletionSource();
        server.Interruptions.Enqueue(Interruption.Abort(Some, folder));
        server.Answers.Enqueue(null);
        server.Answers.Enqueue(async context =>
        {
            // Connected, and no response yet.
            await enough.Task;
            context.Response.StatusCode = 503;
        });
        var program = folder.Start(server.Url);
        await program.WaitForTextAsync(" 25 % 1.0 MB of 4.0 MB     0.0 Mbit/s  disconnected\n");
        enough.SetResult();
        var result = await DownloadFolder.FinishAsync(program);

        Assert.Equal((0, server.Hash), (result.ExitCode, folder.HashOf("file.bin")));
        Assert.DoesNotContain("stalled", result.Error);
        Assert.Contains("status active: the connection speaks Multipath TCP", result.Error);
    }

    /// <summary>HttpClient closes such a connection with the last byte, and the library asks the kernel once more before that.</summary>
    [Theory]
    [InlineData(7)]
    [InlineData(4_000_000)]
    public async Task Run_ServerClosesTheConnection_ShowsTheFiguresOfTheWholeResponse(int length)
    {
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        server.Content = server.Content[..length];
        server.Answers.Enqueue(async context =>
        {
            context.Response.Headers.Connection = "close";
            context.Response.ContentLength = length;
            await context.Response.Body.WriteAsync(server.Content);
        });
        var result = await folder.RunAsync(server.Url);

        Assert.Equal((0, server.Hash), (result.ExitCode, folder.HashOf("file.bin")));
        Assert.Contains("status active: ", result.Error);
        var path = result.Error.Split('\n').Single(line => line.StartsWith("  127.0.0.1 → ", StringComparison.Ordinal) && line.Contains(" bytes", StringComparison.Ordinal));
        var bytes = long.Parse(Regex.Match(path, @" ([\d,]+) bytes ").Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

        // The kernel also counts the header of the response, and data that arrived twice.
        Assert.True(bytes >= length, path);
    }

    [Fact]
    public async Task Run_OnATerminal_RedrawsInPlace()
    {
        Requires.Programs("script");
        await using var server = await FileServer.StartAsync();
        using var folder = new DownloadFolder();
        var enough = new TaskCompletionSource();
        server.Interruptions.Enqueue(new Interruption(Some, _ => enough.Task));
        var program = folder.StartOnTerminal(server.Url);

        // The bar, the total and the path, drawn again over those before.
        const string Total = " 25 % 1.0 MB of 4.0 MB     0.0 Mbit/s  stalled  active";
        await program.WaitForTextAsync(Total);
        var before = program.Output.Length;
        await Wait.UntilAsync(() => program.Output.IndexOf(Total, before, StringComparison.Ordinal) >= 0);
        enough.SetResult();
        var result = await DownloadFolder.FinishAsync(program);

        Assert.Equal((0, server.Hash), (result.ExitCode, folder.HashOf("file.bin")));
        Assert.Contains("\e[1A", result.Output, StringComparison.Ordinal);
        Assert.Contains("━", result.Output, StringComparison.Ordinal);

        // At the end only the summary is left, and the cursor is back.
        var last = result.Output[result.Output.LastIndexOf("\e[1A", StringComparison.Ordinal)..];
        Assert.Contains("file.bin: 4,000,000 bytes in ", last);
        Assert.DoesNotContain("stalled", last);
        Assert.True(result.Output.LastIndexOf("\e[?25h", StringComparison.Ordinal) > result.Output.LastIndexOf("\e[?25l", StringComparison.Ordinal));
    }

    private static async Task LeavePartAsync(FileServer server, DownloadFolder folder)
    {
        server.Interruptions.Enqueue(Interruption.Stall(Some));
        var program = folder.Start(server.Url);
        await folder.UntilLengthAsync("file.bin.part", Some);
        await program.InterruptAsync();
        Assert.Equal(130, (await DownloadFolder.FinishAsync(program)).ExitCode);
        Assert.Equal(["file.bin.part", "file.bin.part.info"], folder.Files);
    }

    private static long NumberBefore(string what, string line)
    {
        var number = line[..line.IndexOf(what, StringComparison.Ordinal)].Split(' ').Last();
        return long.Parse(number, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }
}
