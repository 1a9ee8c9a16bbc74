using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Connector;

/// <summary>IPv4 addresses are connected to from dual-stack sockets.</summary>
public sealed class DualStackTests
{
    public DualStackTests()
    {
        Requires.Namespaces();
        Requires.IPv6();
    }

    [Fact]
    public async Task ConnectAsync_IPv4Address_GainsAnIPv6Subflow()
    {
        // The server announces the addresses of its second link, of either family.
        await using var hosts = await MultipathNetwork.CreateAsync(links: 2, pathOpening: PathOpening.ServerSignals);
        using var listener = hosts.Server.Run(() => Connection.Listen(IPAddress.IPv6Any, mptcp: true));
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;

        var result = await hosts.Client.Run(() => MptcpConnector.ConnectAsync(new IPEndPoint(hosts.ServerAddress, port)));

        using var client = result.Socket;
        using var accepted = await listener.AcceptAsync();
        Assert.Equal(new IPEndPoint(hosts.ServerAddress.MapToIPv6(), port), client.RemoteEndPoint);
        Assert.Equal(hosts.ClientAddress.MapToIPv6(), ((IPEndPoint)client.LocalEndPoint!).Address);

        // A connection takes further subflows once data has gone both ways.
        Connection.AssertCarries(client, accepted, "there"u8);
        Connection.AssertCarries(accepted, client, "and back"u8);
        MptcpSubflowList subflows;
        var clock = Stopwatch.StartNew();
        do
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), "No IPv6 subflow came.");
            await Task.Delay(10);
            subflows = result.Connection.GetSubflows();
        }
        while (!subflows.Any(subflow => subflow.RemoteEndPoint is { AddressFamily: AddressFamily.InterNetworkV6 }));

        Assert.Contains(subflows, subflow => hosts.ServerAddress.Equals(subflow.RemoteEndPoint!.Address));
        Assert.Contains(subflows, subflow => hosts.Links[1].ServerAddressV6.Equals(subflow.RemoteEndPoint!.Address));
    }

    /// <summary>Where IPv6 sockets are IPv6 only unless they say otherwise.</summary>
    [Theory]
    [InlineData(MptcpMode.Preferred)]
    [InlineData(MptcpMode.Disabled)]
    public async Task ConnectAsync_IPv4AddressAndBindV6Only_Connects(MptcpMode mode)
    {
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/ipv6/bindv6only", "1");
        using var listener = host.Run(() => Connection.Listen(IPAddress.Loopback, mptcp: true));

        var result = await host.Run(() => MptcpConnector.ConnectAsync(listener.LocalEndPoint!, new() { Mode = mode }));

        using var client = result.Socket;
        Assert.Equal(AddressFamily.InterNetworkV6, client.AddressFamily);
        Assert.Equal(mode == MptcpMode.Disabled ? MptcpStatus.Unavailable : MptcpStatus.Active, result.Connection.Status);
    }

    /// <summary>.NET knows for good whether the host has IPv6: what it says here, where it has, must not be believed there.</summary>
    [Fact]
    public async Task ConnectAsync_NamespaceWithoutIPv6_ConnectsToIPv4()
    {
        await using var host = await NetworkNamespace.CreateAsync();
        host.SetParameter("net/ipv6/conf/all/disable_ipv6", "1");
        using var listener = host.Run(() => Connection.Listen(IPAddress.Loopback, mptcp: true));

        var result = await host.Run(() => MptcpConnector.ConnectAsync(listener.LocalEndPoint!));

        using var client = result.Socket;
        Assert.Equal(MptcpStatus.Active, result.Connection.Status);
        Assert.Null(result.Unavailable);
    }
}
