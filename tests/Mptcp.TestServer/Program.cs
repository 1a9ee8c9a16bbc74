using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.TestServer;

// Kestrel as it comes, or with UseMptcp: the same application, so that one can be held against the other.
//
//   --Transport stock|mptcp   --Address 127.0.0.1   --Http 0   --H2c 0   --Https 0 (a port each; left out, not listened on)
//
// What else the command line has is configuration: --Mptcp:Fallback Reject, --Logging:LogLevel:Default Warning, --ShutdownTimeout 30,
// --RequestHeadersTimeout 30, --CountPools true.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning).AddSimpleConsole(console => console.SingleLine = true);
switch (builder.Configuration["Transport"])
{
    case "mptcp":
        builder.WebHost.UseMptcp();
        break;
    case "stock":
        break;
    default:
        Console.Error.WriteLine("--Transport is stock or mptcp.");
        return 2;
}

builder.Services.Configure<HostOptions>(host =>
    host.ShutdownTimeout = TimeSpan.FromSeconds(builder.Configuration.GetValue("ShutdownTimeout", 30.0)));

var address = IPAddress.Parse(builder.Configuration["Address"] ?? "127.0.0.1");
builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
{
    // Slow clients are to be met, and not to be thrown out before they did their worst.
    kestrel.Limits.MinRequestBodyDataRate = null;
    kestrel.Limits.MinResponseDataRate = null;
    kestrel.Limits.MaxRequestBodySize = null;
    kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(builder.Configuration.GetValue("RequestHeadersTimeout", 30.0));
    if (builder.Configuration.GetValue<int?>("Http") is { } http)
    {
        kestrel.Listen(address, http, listen => listen.Protocols = HttpProtocols.Http1);
    }

    if (builder.Configuration.GetValue<int?>("H2c") is { } h2c)
    {
        kestrel.Listen(address, h2c, listen => listen.Protocols = HttpProtocols.Http2);
    }

    if (builder.Configuration.GetValue<int?>("Https") is { } https)
    {
        kestrel.Listen(address, https, listen => listen.UseHttps(CreateCertificate()));
    }
});

var app = builder.Build();
app.UseWebSockets();
Application.Map(app);
await app.StartAsync();
foreach (var bound in app.Urls)
{
    Console.WriteLine($"Listening on {bound}");
}

Console.WriteLine("The server is up.");
await app.WaitForShutdownAsync();
return 0;

static X509Certificate2 CreateCertificate()
{
    using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
    return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
}

// Not public as the samples' are: the tests of those name Program.
internal sealed partial class Program;
