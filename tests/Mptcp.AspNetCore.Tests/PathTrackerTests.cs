using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Connections;
using Mptcp.AspNetCore.Paths;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Path events in the log, with the connection they belong to.</summary>
public sealed class PathTrackerTests
{
    public PathTrackerTests() => Requires.Namespaces();

    [Fact]
    public async Task Log_PathsThatComeAndGo_AreToldWithTheConnectionAndCounted()
    {
        await using var network = await MultipathNetwork.CreateAsync(links: 2);
        await using var server = await MultipathServer.StartAsync(network, watchPaths: true);
        using var client = new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) };
        Assert.Equal("active", await client.GetStringAsync("/"));

        var added = await WaitForAsync(server, "PathAdded", 1);
        Assert.Contains($"Path added {MultipathServer.AddressOf(server, network).Authority} → {network.Links[1].ClientAddress}:", added.Message);
        Assert.EndsWith(", 2 now.", added.Message);
        Assert.Equal(LogLevel.Debug, added.Level);
        Assert.Equal("active;subflows=2", await HeaderAsync(client));

        await network.Links[1].CutAsync(Cut.AddressRemoved);
        var lost = await WaitForAsync(server, "PathLost", 1);
        Assert.Contains($"Path lost {MultipathServer.AddressOf(server, network).Authority} → {network.Links[1].ClientAddress}:", lost.Message);
        Assert.EndsWith(", 1 left.", lost.Message);
        Assert.Equal(LogLevel.Information, lost.Level);

        // At once, and not when the last answer is a second old.
        Assert.Equal("active;subflows=1", await HeaderAsync(client));

        await network.Links[1].RestoreAsync();
        await WaitForAsync(server, "PathAdded", 2);
        Assert.Equal("active;subflows=2", await HeaderAsync(client));

        // All of one connection, by the id that Kestrel logs.
        Assert.Single(server.Log.Ours.Where(line => line.Event.Name is "PathAdded" or "PathLost").Select(line => line.Message.Split('"')[1]).Distinct());
    }

    [Fact]
    public async Task Log_ManyConnections_EachHasItsOwnPaths()
    {
        const int Count = 20;
        await using var network = await MultipathNetwork.CreateAsync(links: 2);
        await using var server = await MultipathServer.StartAsync(network, watchPaths: true);
        var clients = Enumerable.Range(0, Count)
            .Select(_ => new HttpClient(MultipathServer.CreateHandler(network)) { BaseAddress = MultipathServer.AddressOf(server, network) }).ToArray();
        await Task.WhenAll(clients.Select(client => client.GetStringAsync("/")));
        await WaitForAsync(server, "PathAdded", Count);
        Assert.Equal(
            Count, server.Log.Ours.Where(line => line.Event.Name == "PathAdded").Select(line => line.Message.Split('"')[1]).Distinct().Count());
        foreach (var client in clients)
        {
            Assert.Equal("active;subflows=2", await HeaderAsync(client));
            client.Dispose();
        }
    }

    [Fact]
    public async Task Start_NoEventsToBeHad_OneLineSaysSoAndTheRestWorks()
    {
        await using var other = await NetworkNamespace.CreateAsync();
        await other.ExecuteAsync("sysctl", "-qw", "net.mptcp.enabled=0");
        var support = other.Run(() => MptcpSupport.Check());
        await using var server = await Server.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton<OpenPathMonitor>((out MptcpSupport why) =>
                {
                    why = support;
                    return null;
                });
                builder.Services.AddMptcpPathMonitor().AddMptcpPathMonitor();
                Microsoft.AspNetCore.Hosting.WebHostBuilderMptcpExtensions.UseMptcp(builder.WebHost);
            },
            app => app.UseMptcpStatusHeader());
        var line = Assert.Single(server.Log.Ours, line => line.Event.Name == "PathEventsUnavailable");
        Assert.Equal(LogLevel.Information, line.Level);
        Assert.Contains(support.Explanation, line.Message);
        using var client = server.CreateClient(mptcp: true);
        Assert.Equal("active;subflows=1", await HeaderAsync(client));
    }

    [Fact]
    public async Task Start_NoDescriptorLeft_OneLineSaysSoAndTheHostStarts()
    {
        using var log = new LogRecorder();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var tracker = new PathTracker((out MptcpSupport support) => throw new SocketException((int)SocketError.TooManyOpenSockets), factory);

        await tracker.StartAsync(CancellationToken.None);
        await tracker.StopAsync(CancellationToken.None);

        var line = Assert.Single(log.Ours);
        Assert.Equal(("PathEventsUnavailable", LogLevel.Information), (line.Event.Name, line.Level));
    }

    /// <summary>How often events are lost is up to the peers.</summary>
    [Fact]
    public void Log_EventsLostAgainAndAgain_OneLineAMinute()
    {
        using var log = new LogRecorder();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        var time = new Clock();
        using var tracker = new PathTracker((out MptcpSupport support) => throw new NotSupportedException(), factory, time);
        var expected = 0;
        foreach (var seconds in new[] { 0, 1, 58, 60, 61, 119, 120 })
        {
            time.Seconds = seconds;
            tracker.Handle(new MptcpPathEvent { Kind = MptcpPathEventKind.EventsLost });
            expected += seconds % 60 == 0 ? 1 : 0;
            Assert.Equal(expected, log.Ours.Count(line => line.Event.Name == "PathEventsLost"));
        }
    }

    /// <summary>Each accepted connection comes by here, also where nobody watches its paths.</summary>
    [Fact]
    public async Task Watch_NoEvents_AllocatesNothing()
    {
        using var factory = LoggerFactory.Create(_ => { });
        using var tracker = new PathTracker(
            (out MptcpSupport support) =>
            {
                support = MptcpSupport.Check();
                return null;
            },
            factory);
        await tracker.StartAsync(CancellationToken.None);
        await using var server = await Server.StartAsync();
        using var socket = await Client.ConnectAsync(server.EndPoint, mptcp: true);
        var connections = server.Services.GetRequiredService<IMptcpConnections>();
        await Wait.UntilAsync(() => connections.Count == 1);
        var entry = (ConnectionEntry)connections.GetSnapshot()[0].Mptcp;

        tracker.Watch(entry, entry.Connection);
        var before = GC.GetAllocatedBytesForCurrentThread();
        tracker.Watch(entry, entry.Connection);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static async Task<string> HeaderAsync(HttpClient client)
    {
        using var response = await client.GetAsync("/");
        return response.Headers.GetValues("Mptcp-Status").Single();
    }

    private static async Task<LogLine> WaitForAsync(Server server, string eventName, int count)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var lines = server.Log.Ours.Where(line => line.Event.Name == eventName).ToArray();
            if (lines.Length >= count)
            {
                return lines[count - 1];
            }

            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{lines.Length} of {count} {eventName}: {string.Join('\n', server.Log.Ours.Select(line => line.Message))}");
            await Task.Delay(5);
        }
    }

    private sealed class Clock : TimeProvider
    {
        public int Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
