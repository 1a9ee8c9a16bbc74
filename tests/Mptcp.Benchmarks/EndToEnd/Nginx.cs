using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mptcp.TestNetwork;

namespace Mptcp.Benchmarks.EndToEnd;

/// <summary>nginx with the answers of the test server: 13 bytes, and 1 MB.</summary>
internal sealed class Nginx : IDisposable
{
    private readonly DirectoryInfo _prefix;
    private readonly RunningProgram _program;

    private Nginx(DirectoryInfo prefix, RunningProgram program)
    {
        _prefix = prefix;
        _program = program;
    }

    public int ProcessId => _program.Id;

    /// <param name="host">Where it runs.</param>
    /// <param name="ports">For HTTP/1.1, HTTP/2 and HTTPS.</param>
    /// <param name="runner">What starts it.</param>
    public static async Task<Nginx> StartAsync(NetworkNamespace host, int[] ports, string[] runner)
    {
        var prefix = Directory.CreateTempSubdirectory("mptcp-bench-nginx");
        RunningProgram? program = null;
        try
        {
            string Inside(string name) => Path.Combine(prefix.FullName, name);
            Directory.CreateDirectory(Inside("bytes"));
            await File.WriteAllBytesAsync(Inside($"bytes/{Workload.LargeBody}"), new byte[Workload.LargeBody]);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            await File.WriteAllTextAsync(Inside("certificate.pem"), certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(Inside("key.pem"), key.ExportPkcs8PrivateKeyPem());
            await File.WriteAllTextAsync(Inside("nginx.conf"), Configuration(prefix.FullName, ports));

            program = RunningProgram.Start("ip", host.Wrap(runner[0], [.. runner[1..], "nginx", "-p", prefix.FullName, "-c", Inside("nginx.conf"), "-e", "stderr"]));
            return new Nginx(prefix, program);
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

    // One process, which is the one whose processor time counts.
    private static string Configuration(string prefix, int[] ports) => $$"""
        daemon off;
        master_process off;
        pid {{prefix}}/nginx.pid;
        error_log stderr warn;
        events { worker_connections 16384; }
        http {
            access_log off;
            sendfile on;
            tcp_nopush on;
            keepalive_requests 1000000000;
            client_body_temp_path {{prefix}}/body;
            proxy_temp_path {{prefix}}/proxy;
            fastcgi_temp_path {{prefix}}/fastcgi;
            uwsgi_temp_path {{prefix}}/uwsgi;
            scgi_temp_path {{prefix}}/scgi;
            server {
                listen {{ports[0]}} backlog=4096;
                listen {{ports[1]}} http2 backlog=4096;
                listen {{ports[2]}} ssl backlog=4096;
                ssl_certificate {{prefix}}/certificate.pem;
                ssl_certificate_key {{prefix}}/key.pem;
                ssl_protocols TLSv1.2 TLSv1.3;
                root {{prefix}};
                location = / { return 200 "Hello, World!"; }
            }
        }
        """;
}
