using System.Net;
using System.Net.Sockets;
using Mptcp.TestNetwork;

namespace Mptcp.TestServer;

/// <summary>nginx, a server that nobody here wrote, killed when disposed. A setting for Multipath TCP it has since 1.29.7 only; <c>mptcpize</c> runs all.</summary>
public sealed class NginxProcess : IDisposable
{
    private readonly DirectoryInfo _folder;

    private NginxProcess(DirectoryInfo folder, RunningProgram program) => (_folder, Program) = (folder, program);

    public RunningProgram Program { get; }

    /// <param name="port">What it listens on, among others.</param>
    /// <param name="settings">What stands in its <c>http</c> block. Relative paths are in its folder.</param>
    /// <param name="fill">Writes what it serves into its folder, given by its path.</param>
    /// <param name="host">The host to run it on, instead of this one.</param>
    /// <param name="runner">What starts it, such as <c>mptcpize run</c> or <c>taskset -c 1</c>; all of them replace themselves by it.</param>
    public static async Task<NginxProcess> StartAsync(
        int port, string settings, Func<string, Task> fill, NetworkNamespace? host = null, IEnumerable<string>? runner = null)
    {
        var folder = Directory.CreateTempSubdirectory("mptcp-nginx");
        RunningProgram? program = null;
        try
        {
            await fill(folder.FullName);
            var configuration = Path.Combine(folder.FullName, "nginx.conf");
            await File.WriteAllTextAsync(configuration, Configuration(settings));
            string[] command =
            [
                .. host is null ? [] : host.Wrap("env", []).Prepend("ip"), .. runner ?? [],
                "nginx", "-p", folder.FullName, "-c", configuration, "-e", "stderr",
            ];
            program = RunningProgram.Start(command[0], command[1..]);
            await WaitAsync(program, port, host);
            return new NginxProcess(folder, program);
        }
        catch
        {
            program?.Dispose();
            folder.Delete(recursive: true);
            throw;
        }
    }

    public void Dispose()
    {
        Program.Dispose();
        _folder.Delete(recursive: true);
    }

    // One process, so that to kill it is to end it, and its processor time is all there is; nothing is written outside the folder.
    private static string Configuration(string settings) => $$"""
        daemon off;
        master_process off;
        pid nginx.pid;
        error_log stderr warn;
        events { worker_connections 16384; }
        http {
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            {{settings}}
        }
        """;

    private static async Task WaitAsync(RunningProgram program, int port, NetworkNamespace? host)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                using var socket = host is null ? Open() : host.Run(Open);
                await socket.ConnectAsync(IPAddress.Loopback, port, timeout.Token);
                return;
            }
            catch (SocketException) when (!program.HasExited)
            {
                await Task.Delay(10, timeout.Token);
            }
            catch (SocketException)
            {
                throw new InvalidOperationException($"nginx ended: {program.Output}{program.Error}");
            }
        }

        static Socket Open() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    }
}
