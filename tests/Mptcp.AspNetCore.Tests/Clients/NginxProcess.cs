using System.Net.Sockets;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.TestNetwork;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>nginx, serving one folder on loopback: a server that nobody here wrote.</summary>
internal sealed class NginxProcess : IDisposable
{
    private readonly DirectoryInfo _prefix;
    private readonly RunningProgram _program;

    private NginxProcess(DirectoryInfo prefix, RunningProgram program, Uri address)
    {
        _prefix = prefix;
        _program = program;
        Address = address;
    }

    public Uri Address { get; }

    /// <param name="mptcp">Whether it runs under <c>mptcpize</c>; nginx has a setting of its own since 1.29.7 only.</param>
    /// <param name="fileName">The file that is served.</param>
    /// <param name="blocks">What is in it.</param>
    public static async Task<NginxProcess> StartAsync(bool mptcp, string fileName, IEnumerable<ReadOnlyMemory<byte>> blocks)
    {
        var port = Ports.Free(1)[0];
        var prefix = Directory.CreateTempSubdirectory("mptcp-nginx");
        RunningProgram? program = null;
        try
        {
            await using (var file = File.Create(Path.Combine(prefix.FullName, fileName)))
            {
                foreach (var block in blocks)
                {
                    await file.WriteAsync(block);
                }
            }

            var configuration = Path.Combine(prefix.FullName, "nginx.conf");
            await File.WriteAllTextAsync(configuration, Configuration(prefix.FullName, port));
            string[] command = [.. mptcp ? ["mptcpize", "run"] : Array.Empty<string>(), "nginx", "-p", prefix.FullName, "-c", configuration, "-e", "stderr"];
            program = RunningProgram.Start(command[0], command[1..]);
            await WaitAsync(program, port);
            return new NginxProcess(prefix, program, new Uri($"http://127.0.0.1:{port}"));
        }
        catch
        {
            program?.Dispose();
            prefix.Delete(recursive: true);
            throw;
        }
    }

    public void Dispose()
    {
        _program.Dispose();
        _prefix.Delete(recursive: true);
    }

    // One process, so that to kill it is to end it; nothing is written outside the folder.
    private static string Configuration(string prefix, int port) => $$"""
        daemon off;
        master_process off;
        pid {{prefix}}/nginx.pid;
        error_log stderr warn;
        events { }
        http {
            access_log off;
            client_body_temp_path {{prefix}}/body;
            proxy_temp_path {{prefix}}/proxy;
            fastcgi_temp_path {{prefix}}/fastcgi;
            uwsgi_temp_path {{prefix}}/uwsgi;
            scgi_temp_path {{prefix}}/scgi;
            server {
                listen 127.0.0.1:{{port}};
                root {{prefix}};
            }
        }
        """;

    private static async Task WaitAsync(RunningProgram program, int port)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync("127.0.0.1", port, timeout.Token);
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
    }
}
