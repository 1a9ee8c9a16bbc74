using Mptcp.TestNetwork;
using PathLab;

// A server and a client on two links of 50 Mbit/s, and a download that goes on while you cut and restore them.
// Options: --seconds N ends it after N seconds; --cut L@S and --restore L@S do to link L after S seconds what its key does.
if (!Environment.IsPrivilegedProcess)
{
    Console.Error.WriteLine("PathLab makes network namespaces, and needs root for it: sudo dotnet run --project samples/PathLab");
    return 1;
}

var script = Script.Parse(args);
if (script is null)
{
    Console.Error.WriteLine("Usage: PathLab [--seconds N] [--cut LINK@SECOND]... [--restore LINK@SECOND]...");
    return 2;
}

await using var network = await MultipathNetwork.CreateAsync(links: 2, rate: Rate.Mbit(50));
await using var server = await DownloadServer.StartAsync(network);
await using var download = Download.Start(network, server);

var screen = new Screen(network, server, interactive: !Console.IsInputRedirected && !Console.IsOutputRedirected);
await screen.RunAsync(script, download);

try
{
    // Ends the response: what the server hashed while it wrote must be what the client hashed while it read.
    var sent = await server.EndAsync();
    var received = await download.FinishAsync();
    var isSame = sent == received;
    Console.WriteLine($"{received.Bytes:N0} bytes received, SHA-256 {(isSame ? "matches" : "DOES NOT MATCH")}: {received.Hash}");
    return isSame ? 0 : 3;
}
catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
{
    Console.Error.WriteLine($"The connection was lost: {e.Message}");
    return 4;
}
