using Mptcp.AotApp;
using Mptcp.AspNetCore;
using Mptcp.Sockets;

// A server and its clients in one program, published with NativeAOT by AotTests. The exit code is the number of the check that failed.
var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = Environments.Development });
builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
{
    ["Mptcp:Mode"] = "Preferred",
    ["Mptcp:Client:Mode"] = "Preferred",
    ["Urls"] = "http://127.0.0.1:0",
});
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.WebHost.UseMptcp(options => options.Mode = MptcpMode.Required);
builder.Services.AddMptcpPolicy(policy => policy.MinimumSubflows = 1);
builder.Services.AddHealthChecks().AddMptcp();
builder.Services.AddHttpClient("factory").UseMptcp();

await using var app = builder.Build();
app.UseMptcpStatusHeader();
app.MapGet("/open", (HttpContext context) => context.Features.Get<IMptcpFeature>()?.Status.ToString() ?? "none");
app.MapGet("/guarded", () => "guarded").RequireMptcp();
app.MapHealthChecks("/health");
app.MapMptcpDoctor("/mptcp/doctor");
app.MapMptcpConnections("/mptcp/connections");
await app.StartAsync();

using var tcp = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
using var mptcp = new HttpClient(new SocketsHttpHandler().UseMptcp()) { BaseAddress = tcp.BaseAddress };
using var factory = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient("factory");
factory.BaseAddress = tcp.BaseAddress;

var failed = await new Checks(tcp, mptcp, factory).RunAsync();
await app.StopAsync();
return failed;
