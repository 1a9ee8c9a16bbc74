using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>HttpClients as an application makes them.</summary>
internal static class MptcpClient
{
    /// <summary>Trusts the servers of the tests, and asks no proxy of the machine.</summary>
    public static SocketsHttpHandler CreateHandler() => new()
    {
        UseProxy = false,
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == Server.Certificate.GetCertHashString() },
    };

    public static HttpClient Create(Action<MptcpConnectOptions>? configure = null)
    {
        var options = new MptcpConnectOptions();
        configure?.Invoke(options);
        return new HttpClient(CreateHandler().UseMptcp(options));
    }

    /// <summary>A request for exactly this version.</summary>
    public static HttpRequestMessage Request(Uri address, Version version, HttpMethod? method = null, HttpContent? content = null) => new(method ?? HttpMethod.Get, address)
    {
        Version = version,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Content = content,
    };
}
