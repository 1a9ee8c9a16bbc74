using System.CommandLine;
using Mptcp.TestNetwork;
using PathLab;

// A server and a client on two links of 50 Mbit/s, and a download that goes on while you cut and restore them.
var parsed = Script.CreateCommand(RunAsync).Parse(args);
if (parsed.Errors is [var error, ..])
{
    Console.Error.WriteLine($"PathLab: {error.Message.TrimEnd('.')}; try --help");
    return 2;
}

// EndSignal handles signals: it also knows that of a closed terminal.
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });

static async Task<int> RunAsync(Script script)
{
    if (!Environment.IsPrivilegedProcess)
    {
        Console.Error.WriteLine("PathLab creates network namespaces, and needs root for that: run it with sudo.");
        return 1;
    }

    using var end = new EndSignal();
    try
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50));
        end.Token.ThrowIfCancellationRequested();
        await using var server = await DownloadServer.StartAsync(network);
        await using var download = Download.Start(network, server, end.Token);
        await new Screen(network, server).RunAsync(script, download, end.Token);

        // Ends the response. The server hashed the bytes that it wrote, the client those that it read.
        var sent = await server.EndAsync().WaitAsync(end.Token);
        var received = await download.FinishAsync();
        var isSame = sent == received;
        Console.WriteLine($"{received.Bytes:N0} bytes received, SHA-256 {(isSame ? "matches" : "DOES NOT MATCH")}: {received.Hash}");
        return isSame ? 0 : 3;
    }
    catch (Exception) when (end.ExitCode is not null)
    {
        // A signal on the terminal also ends the programs that PathLab runs, and a closed terminal can't be written to.
        return end.ExitCode.Value;
    }
    catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
    {
        Console.Error.WriteLine($"The connection was lost: {e.Message}");
        return 4;
    }
}
