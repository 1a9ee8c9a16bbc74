using System.Net;
using Mptcp.AspNetCore;
using Mptcp.Sockets;

var builder = WebApplication.CreateBuilder(args);

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

// Findings about this host, and the list of connections. Closed outside of Development, unless you set authorization on them.
app.MapMptcpDoctor("/mptcp/doctor");
app.MapMptcpConnections("/mptcp/connections");

app.Lifetime.ApplicationStarted.Register(() =>
{
    var url = app.Urls.First();
    Console.WriteLine($"""
        Try it over TCP:            curl -i {url}
        Try it over Multipath TCP:  mptcpize run curl -i {url}
        """);
    if (app.Environment.IsDevelopment())
    {
        Console.WriteLine($"""
            Examine this host:          {url}/mptcp/doctor
            List the connections:       {url}/mptcp/connections
            """);

        // One line each; ToString of the report is the whole page.
        foreach (var finding in MptcpDoctor.ExamineAsync(app.Services).GetAwaiter().GetResult().Findings)
        {
            Console.WriteLine(finding);
        }
    }
});

app.Run();
