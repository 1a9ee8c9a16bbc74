using System.Net;
using System.Net.Sockets;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests.Paths;

/// <summary>What the kernel tells of connections between two hosts on two cables.</summary>
public sealed class PathMonitorTests
{
    public PathMonitorTests() => Requires.Namespaces();

    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task ReadAllAsync_PathAddedAndRemovedByTheClient_ToldOnBothHosts(AddressFamily family)
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Client, TwoCables.SecondClientAddress, "subflow");
        await using var server = new EventRecorder(cables.Server);
        await using var client = new EventRecorder(cables.Client);

        uint serverToken, clientToken;
        IPEndPoint serverEnd, clientEnd;
        using (var connection = cables.Connect(family))
        {
            connection.AssertEchoes(1000);
            serverToken = Token(connection.Accepted);
            clientToken = Token(connection.Client);
            serverEnd = EndPoint(connection.Accepted.LocalEndPoint);
            clientEnd = EndPoint(connection.Accepted.RemoteEndPoint);
            await server.WaitForAsync(MptcpPathEventKind.SubflowEstablished);
            await client.WaitForAsync(MptcpPathEventKind.SubflowEstablished);

            await TwoCables.DeleteEndpointAsync(cables.Client);
            await server.WaitForAsync(MptcpPathEventKind.SubflowClosed);
            await client.WaitForAsync(MptcpPathEventKind.SubflowClosed);
            connection.AssertEchoes(1000);
        }

        await server.WaitForAsync(MptcpPathEventKind.ConnectionClosed);
        await client.WaitForAsync(MptcpPathEventKind.ConnectionClosed);

        Assert.Equal(
            [
                MptcpPathEventKind.ConnectionCreated, MptcpPathEventKind.ConnectionEstablished, MptcpPathEventKind.SubflowEstablished,
                MptcpPathEventKind.AddressRemoved, MptcpPathEventKind.SubflowClosed, MptcpPathEventKind.ConnectionClosed,
            ],
            server.Events.Select(pathEvent => pathEvent.Kind));
        Assert.Equal(
            [
                MptcpPathEventKind.ConnectionCreated, MptcpPathEventKind.ConnectionEstablished, MptcpPathEventKind.SubflowEstablished,
                MptcpPathEventKind.SubflowClosed, MptcpPathEventKind.ConnectionClosed,
            ],
            client.Events.Select(pathEvent => pathEvent.Kind));
        Assert.All(server.Events, pathEvent => Assert.Equal(serverToken, pathEvent.Token));
        Assert.All(client.Events, pathEvent => Assert.Equal(clientToken, pathEvent.Token));

        // The client's port on the second path is chosen by its kernel; both hosts must tell the same.
        var second = new IPEndPoint(TwoCables.SecondClientAddress, server.Events[2].RemoteEndPoint!.Port);
        Assert.NotEqual(0, second.Port);
        foreach (var created in server.Events[..2])
        {
            Assert.Equal((serverEnd, clientEnd, 0, 0), Ends(created));
            Assert.True(created.IsServerSide);
        }

        foreach (var created in client.Events[..2])
        {
            Assert.Equal((clientEnd, serverEnd, 0, 0), Ends(created));
            Assert.NotEqual(true, created.IsServerSide);
        }

        foreach (var subflow in new[] { server.Events[2], server.Events[4] })
        {
            Assert.Equal((serverEnd, second, 0, TwoCables.EndpointId), Ends(subflow));
            Assert.False(subflow.IsBackup);
            Assert.Null(subflow.InterfaceIndex);
            Assert.Null(subflow.Errno);
            Assert.Null(subflow.ResetReason);
        }

        foreach (var subflow in client.Events[2..4])
        {
            Assert.Equal((second, serverEnd, TwoCables.EndpointId, 0), Ends(subflow));
            Assert.Equal(await TwoCables.GetSecondInterfaceIndexAsync(cables.Client), subflow.InterfaceIndex);
        }

        Assert.Equal((null, null, null, TwoCables.EndpointId), Ends(server.Events[3]));
        Assert.Equal((null, null, null, null), Ends(server.Events[^1]));
    }

    [Fact]
    public async Task ReadAllAsync_AddressSignaledByTheServer_AnnouncedAndRemovedOnTheClient()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Server, TwoCables.SecondServerAddress, "signal");
        await using var server = new EventRecorder(cables.Server);
        await using var client = new EventRecorder(cables.Client);
        using var connection = cables.Connect();
        var second = new IPEndPoint(TwoCables.SecondServerAddress, EndPoint(connection.Accepted.LocalEndPoint).Port);

        var announced = await client.WaitForAsync(MptcpPathEventKind.AddressAnnounced);
        Assert.Equal((null, second, null, TwoCables.EndpointId), Ends(announced));
        Assert.Equal(Token(connection.Client), announced.Token);
        Assert.Equal(second, (await client.WaitForAsync(MptcpPathEventKind.SubflowEstablished)).RemoteEndPoint);
        Assert.Equal(second, (await server.WaitForAsync(MptcpPathEventKind.SubflowEstablished)).LocalEndPoint);

        await TwoCables.DeleteEndpointAsync(cables.Server);
        var removed = await client.WaitForAsync(MptcpPathEventKind.AddressRemoved);
        Assert.Equal((null, null, null, TwoCables.EndpointId), Ends(removed));
        Assert.Equal(Token(connection.Client), removed.Token);
    }

    [Fact]
    public async Task ReadAllAsync_PathMadeABackupByTheClient_PriorityChangedOnTheServer()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Client, TwoCables.SecondClientAddress, "subflow");
        await using var server = new EventRecorder(cables.Server);
        using var connection = cables.Connect();
        connection.AssertEchoes(1);
        await server.WaitForAsync(MptcpPathEventKind.SubflowEstablished);

        await TwoCables.ChangeEndpointAsync(cables.Client, "backup");
        var changed = await server.WaitForAsync(MptcpPathEventKind.SubflowPriorityChanged);
        Assert.True(changed.IsBackup);
        Assert.Equal(TwoCables.SecondClientAddress, changed.RemoteEndPoint?.Address);
        Assert.Contains("backup", changed.ToString());

        await TwoCables.ChangeEndpointAsync(cables.Client, "nobackup");
        changed = await server.WaitForAsync(MptcpPathEventKind.SubflowPriorityChanged, count: 2);
        Assert.False(changed.IsBackup);
    }

    [Fact]
    public async Task ReadAllAsync_InitialPathRemoved_ClosedWithIdZero()
    {
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Client, TwoCables.SecondClientAddress, "subflow");
        await using var server = new EventRecorder(cables.Server);
        using var connection = cables.Connect();
        connection.AssertEchoes(1);
        await server.WaitForAsync(MptcpPathEventKind.SubflowEstablished);

        await TwoCables.RunIpAsync(cables.Client, "mptcp", "endpoint", "delete", "id", "0", $"{cables.Hosts.ClientAddress}");
        var closed = await server.WaitForAsync(MptcpPathEventKind.SubflowClosed);
        Assert.Equal((EndPoint(connection.Accepted.LocalEndPoint), EndPoint(connection.Accepted.RemoteEndPoint), 0, 0), Ends(closed));
        connection.AssertEchoes(1000);
    }

    [Fact]
    public async Task ReadAllAsync_PathReset_ToldWithTheErrorAndThePeersReason()
    {
        Requires.Programs("nft");
        await using var cables = await TwoCables.CreateAsync();
        await TwoCables.AddEndpointAsync(cables.Client, TwoCables.SecondClientAddress, "subflow");
        await using var client = new EventRecorder(cables.Client);
        using var connection = cables.Connect();
        connection.AssertEchoes(1);
        await client.WaitForAsync(MptcpPathEventKind.SubflowEstablished);

        // Data without its MPTCP option makes the server reset the path and say why.
        await cables.Server.ExecuteAsync("nft", "add", "table", "inet", "middlebox");
        await cables.Server.ExecuteAsync("nft", "add", "chain", "inet", "middlebox", "in", "{ type filter hook prerouting priority mangle; }");
        await cables.Server.ExecuteAsync("nft", "add", "rule", "inet", "middlebox", "in", "iifname", TwoCables.DeviceName, "reset", "tcp", "option", "mptcp");
        for (var i = 0; i < 50 && client.Events.All(pathEvent => pathEvent.Kind != MptcpPathEventKind.SubflowClosed); i++)
        {
            connection.AssertEchoes(1_000_000);
        }

        var closed = await client.WaitForAsync(MptcpPathEventKind.SubflowClosed);
        Assert.Equal(TwoCables.SecondClientAddress, closed.LocalEndPoint?.Address);
        Assert.Equal(MptcpResetReason.MiddleboxInterference, closed.ResetReason);
        Assert.NotNull(closed.IsResetTransient);
        Assert.Equal(Interop.Errno.ECONNRESET, closed.Errno);
        Assert.Contains(closed.Error!, closed.ToString());
    }

    [Fact]
    public async Task ReadAllAsync_IPv6AndPlainTcp_OnlyTheFirstTold()
    {
        Requires.IPv6();
        await using var host = await NetworkNamespace.CreateAsync();
        await using var recorder = new EventRecorder(host);
        using var tcp = host.Run(() => Connection.Establish(listenerMptcp: true, clientMptcp: false));
        tcp.AssertEchoes(1);
        using var connection = host.Run(() => Connection.Establish(IPAddress.IPv6Loopback, IPAddress.IPv6Loopback));

        var created = await recorder.WaitForAsync(MptcpPathEventKind.ConnectionCreated, count: 2);
        Assert.Equal(Token(connection.Accepted), created.Token);
        Assert.Equal(connection.Accepted.LocalEndPoint, created.LocalEndPoint);
        Assert.Equal(connection.Accepted.RemoteEndPoint, created.RemoteEndPoint);
        Assert.Equal(2, recorder.Events.Count(pathEvent => pathEvent.Kind == MptcpPathEventKind.ConnectionCreated));
    }

    [Fact]
    public void ToString_EveryProperty_InWordsAndWithoutTheToken()
    {
        var text = new MptcpPathEvent
        {
            Kind = MptcpPathEventKind.SubflowClosed,
            Token = 0x1234567,
            LocalEndPoint = IPEndPoint.Parse("192.0.2.1:443"),
            RemoteEndPoint = IPEndPoint.Parse("[2001:db8::1]:5000"),
            LocalAddressId = 0,
            RemoteAddressId = 9,
            InterfaceIndex = 3,
            IsBackup = true,
            Errno = Interop.Errno.EPERM,
            ResetReason = MptcpResetReason.Prohibited,
        }.ToString();

        Assert.Equal(
            "SubflowClosed local 192.0.2.1:443, remote [2001:db8::1]:5000, local id 0, remote id 9, interface 3, backup yes, error Operation not permitted, reset Prohibited",
            text);
        Assert.Equal("EventsLost", new MptcpPathEvent { Kind = MptcpPathEventKind.EventsLost, Token = 5 }.ToString());
    }

    private static uint Token(Socket socket)
    {
        Assert.True(MptcpSocket.TryGetInfo(socket, out var info));
        return info.Token;
    }

    private static IPEndPoint EndPoint(EndPoint? endPoint)
    {
        var ip = (IPEndPoint)endPoint!;
        return ip.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(ip.Address.MapToIPv4(), ip.Port) : ip;
    }

    private static (IPEndPoint? Local, IPEndPoint? Remote, int? LocalId, int? RemoteId) Ends(MptcpPathEvent pathEvent) =>
        (pathEvent.LocalEndPoint, pathEvent.RemoteEndPoint, pathEvent.LocalAddressId, pathEvent.RemoteAddressId);
}
