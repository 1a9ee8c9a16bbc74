using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

public sealed class ConnectMetricsTests
{
    // Other tests connect meanwhile: what this flow of execution connects carries this.
    private static readonly AsyncLocal<bool> s_isOurs = new();

    public ConnectMetricsTests() => Requires.Mptcp();

    [Theory]
    [InlineData(true, MptcpMode.Preferred, "active")]
    [InlineData(false, MptcpMode.Preferred, "fell_back")]
    [InlineData(true, MptcpMode.Disabled, "unavailable")]
    public async Task ConnectAsync_Connected_IsCountedByStatus(bool mptcp, MptcpMode mode, string status)
    {
        var measured = new ConcurrentQueue<(string Instrument, long Value, KeyValuePair<string, object?>[] Tags)>();
        using var listening = Listen(measured);
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp);
        const int Count = 3;
        for (var i = 0; i < Count; i++)
        {
            (await MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new() { Mode = mode })).Socket.Dispose();
        }

        Assert.Equal(Count, measured.Count);
        Assert.All(measured, measurement =>
        {
            Assert.Equal("mptcp.client.connections", measurement.Instrument);
            Assert.Equal(1, measurement.Value);
            Assert.Equal([new KeyValuePair<string, object?>("mptcp.status", status)], measurement.Tags);
        });
    }

    [Fact]
    public async Task ConnectAsync_Failed_IsNotCounted()
    {
        var measured = new ConcurrentQueue<(string Instrument, long Value, KeyValuePair<string, object?>[] Tags)>();
        using var listening = Listen(measured);
        using var destination = Destination.Open(("127.0.0.2", Manner.Refuses), ("127.0.0.3", Manner.Mptcp));
        await Assert.ThrowsAsync<MptcpConnectException>(() => MptcpConnector.ConnectAsync(destination.EndPoints[0]));
        Assert.Empty(measured);

        // The connection, and not each attempt.
        (await MptcpConnector.ConnectAsync("name.test", destination.Port, new() { Resolver = destination.ResolveAsync })).Socket.Dispose();
        Assert.Single(measured);
    }

    [Fact]
    public async Task ConnectAsync_MeterListenerThrows_ConnectedAllTheSame()
    {
        var calls = 0;
        s_isOurs.Value = true;
        using var listening = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Mptcp.Sockets")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listening.SetMeasurementEventCallback<long>((_, _, _, _) =>
        {
            if (s_isOurs.Value)
            {
                calls++;
                throw new InvalidOperationException("This listener always fails.");
            }
        });
        listening.Start();
        using var listener = Connection.Listen(IPAddress.Loopback, mptcp: true);
        var opened = new OpenedSockets();
        try
        {
            var result = await MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new() { ConfigureSocket = opened.Add });
            opened.AssertClosed(expectedCount: 1, butNot: result.Socket);
            result.Socket.Dispose();
        }
        finally
        {
            opened.AssertClosed(expectedCount: 1);
        }

        Assert.Equal(1, calls);
    }

    private static MeterListener Listen(ConcurrentQueue<(string Instrument, long Value, KeyValuePair<string, object?>[] Tags)> measured)
    {
        s_isOurs.Value = true;
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Mptcp.Sockets")
                {
                    Assert.Equal("{connection}", instrument.Unit);
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (s_isOurs.Value)
            {
                measured.Enqueue((instrument.Name, value, tags.ToArray()));
            }
        });
        listener.Start();
        return listener;
    }
}
