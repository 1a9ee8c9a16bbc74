using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests;

/// <summary>Threads that ask about a connection at both ends while Kestrel and HttpClient close it.</summary>
public sealed class CloseWhileAskedTests
{
    [Fact]
    public async Task Close_WhileOtherThreadsAskAtBothEnds_EveryByteArrives()
    {
        Requires.Mptcp();
        var sent = RandomNumberGenerator.GetBytes(200_000);
        var stop = new CancellationTokenSource();
        var asking = new List<Task>();
        await using var server = await Server.StartAsync(map: app => app.MapGet("/bytes", async (HttpContext context) =>
        {
            var feature = context.Features.Get<IMptcpFeature>()!;
            var end = stop.Token;
            asking.Add(Task.Run(() => AskUntil(() => feature.TryGetInfo(out var info) && info.Subflows > 9, end)));
            context.Response.Headers.Connection = "close";
            context.Response.ContentLength = sent.Length;
            await context.Response.Body.WriteAsync(sent);
        }));
        for (var round = 0; round < 10; round++)
        {
            using var client = new HttpClient(new SocketsHttpHandler().UseMptcp());
            using var response = await client.GetAsync(new Uri(server.Address, "/bytes"), HttpCompletionOption.ResponseHeadersRead);
            var connection = response.GetMptcpConnection()!;
            var end = stop.Token;
            asking.Add(Task.Run(() => AskUntil(() => connection.TryGetInfo(out var info) && info.Subflows > 9, end)));
            Assert.Equal(SHA256.HashData(sent), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));

            // Both ends are asked until the connection is closed; then the next round begins.
            await stop.CancelAsync();
            await Task.WhenAll(asking);
            asking.Clear();
            stop.Dispose();
            stop = new CancellationTokenSource();
        }

        stop.Dispose();
    }

    private static void AskUntil(Func<bool> ask, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            Assert.False(ask());
        }
    }
}
