using System.Net;
using Mptcp.AspNetCore;
using Mptcp.Sockets;

var builder = WebApplication.CreateBuilder(args);
var url = builder.Configuration["urls"] ?? "http://localhost:5080";
builder.WebHost.UseUrls(url);

// The one line. Clients that offer Multipath TCP get it, all others get TCP; the log says at start whether it is on.
builder.WebHost.UseMptcp();

var app = builder.Build();
app.UseMptcpStatusHeader();

app.MapGet("/", (HttpContext context) =>
{
    var mptcp = context.Features.Get<IMptcpFeature>();
    return new
    {
        status = (mptcp?.Status ?? MptcpStatus.Unknown).ToToken(),
        subflows = mptcp is not null && mptcp.TryGetInfo(out var info) ? info.Subflows : 0,
        remote = new IPEndPoint(context.Connection.RemoteIpAddress!, context.Connection.RemotePort).ToString(),
        protocol = context.Request.Protocol,
    };
});

app.MapGet("/mptcp-only", () => "You came over Multipath TCP.\n").RequireMptcp();

// What keeps clients from using it? Closed outside of Development, unless authorization is set on it.
app.MapMptcpDoctor("/mptcp/doctor");

if (app.Environment.IsDevelopment())
{
    app.Lifetime.ApplicationStarted.Register(() =>
    {
        // One line each; ToString of the report is the whole page.
        foreach (var finding in MptcpDoctor.ExamineAsync(app.Services).GetAwaiter().GetResult().Findings)
        {
            Console.WriteLine(finding);
        }
    });
}

app.Lifetime.ApplicationStarted.Register(() => Console.WriteLine($"""
    Try it over TCP:            curl -i {url}
    Try it over Multipath TCP:  mptcpize run curl -i {url}
    """));

app.Run();
