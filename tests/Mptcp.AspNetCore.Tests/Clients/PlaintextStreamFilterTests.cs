using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mptcp.AspNetCore.Tests.Infrastructure;
using Mptcp.Sockets;
using Mptcp.Tests;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>An application's own filter may do anything while a request is written; the response names its own connection.</summary>
public sealed class PlaintextStreamFilterTests
{
    public PlaintextStreamFilterTests() => Requires.Mptcp();

    /// <summary>The version, and whether the connection leads through a proxy: there it may be unknown, and never wrong.</summary>
    [Theory]
    [InlineData("1.1", false)]
    [InlineData("2.0", false)]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    public async Task GetMptcpStatus_FilterWritesOnAnotherConnectionFirst_IsNeverThatOfTheOther(string version, bool proxied)
    {
        await using var server = await StartAsync(mptcp: true);
        await using var other = await StartAsync(mptcp: false);
        using var proxy = Proxy.Start(mptcp: true, mptcpToOrigin: true);

        // Its connection is open already, so that the write on it happens in the call, on the same thread.
        using var beside = MptcpClient.Create();
        Send();
        var handler = MptcpClient.CreateHandler();
        (handler.UseProxy, handler.Proxy) = proxied ? (true, proxy.As("http")) : (false, null);
        var sent = 0;
        handler.PlaintextStreamFilter = (context, _) => ValueTask.FromResult<Stream>(new CallbackStream(context.PlaintextStream, () =>
        {
            sent++;
            Send();
        }));
        using var client = new HttpMessageInvoker(handler.UseMptcp());
        for (var i = 0; i < 3; i++)
        {
            using var request = MptcpClient.Request(server.Address, Version.Parse(version));
            using var response = await client.SendAsync(request, default);
            Assert.Equal("active", await response.Content.ReadAsStringAsync());
            Assert.Equal(proxied ? MptcpStatus.Unknown : MptcpStatus.Active, response.GetMptcpStatus());
        }

        Assert.True(sent > 0);
        Send();

        void Send()
        {
            using var request = MptcpClient.Request(other.Address, HttpVersion.Version11);
            using var response = beside.Send(request);
            Assert.Equal(MptcpStatus.FellBack, response.GetMptcpStatus());
        }
    }

    private static Task<Server> StartAsync(bool mptcp) => Server.StartAsync(builder =>
    {
        if (mptcp)
        {
            builder.WebHost.UseMptcp();
        }

        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http1AndHttp2;
            listen.UseHttps(Server.Certificate);
        }));
    });

    /// <summary>Does something before each write.</summary>
    private sealed class CallbackStream(Stream inner, Action beforeWrite) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count)
        {
            beforeWrite();
            inner.Write(buffer, offset, count);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            beforeWrite();
            return inner.WriteAsync(buffer, cancellationToken);
        }

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
