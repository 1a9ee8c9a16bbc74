using Microsoft.AspNetCore.Hosting;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>The verdict on a host whose clients do not offer Multipath TCP.</summary>
public sealed class DoctorVerdictTests
{
    [Fact]
    public async Task Examine_ManyRequestsOverTcp_VerdictAndFindingSayThatNoClientOffersIt()
    {
        Requires.Namespaces();
        await using var host = await NetworkNamespace.CreateAsync();
        await using var server = await StartOnAsync(host);
        Assert.StartsWith("No connection has been accepted since start; no client has offered it to this host (MPCapableSYNRX is 0)", Examine().Verdict);
        Assert.DoesNotContain(Examine().Findings, finding => finding.Id == "no-client-offers");

        for (var i = 0; i < 50; i++)
        {
            await GetAsync(mptcp: false);
        }

        var report = Examine();
        Assert.Equal("0 of 50 connections since start speak Multipath TCP; no client has offered it to this host (MPCapableSYNRX is 0).", report.Verdict);
        Assert.Equal("no-client-offers", report.Findings[0].Id);
        Assert.StartsWith("Multipath TCP on this host: 0 of 50 connections since start speak Multipath TCP; ", $"{report}");

        await GetAsync(mptcp: true);
        report = Examine();
        Assert.Equal("1 of 51 connections since start speak Multipath TCP; clients have offered it to this host 1 time (MPCapableSYNRX).", report.Verdict);
        Assert.DoesNotContain(report.Findings, finding => finding.Id == "no-client-offers");

        MptcpHostReport Examine() => host.Run(() => MptcpDoctor.ExamineAsync(server.Services).Result);

        async Task GetAsync(bool mptcp)
        {
            using var client = new HttpClient(Client.CreateHandler((endPoint, cancellationToken) =>
                host.Run(() => Client.ConnectAsync(endPoint, mptcp, cancellationToken))));
            Assert.NotEmpty(await client.GetStringAsync(new UriBuilder(server.Address) { Host = "127.0.0.1" }.Uri));
        }
    }

    private static Task<Server> StartOnAsync(NetworkNamespace host) => Server.StartAsync(builder =>
    {
        builder.WebHost.UseMptcp();
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endPoint => host.Run(() =>
        {
            var socket = MptcpSocket.Create(endPoint.AddressFamily);
            socket.Bind(endPoint);
            return socket;
        }));
    });
}
