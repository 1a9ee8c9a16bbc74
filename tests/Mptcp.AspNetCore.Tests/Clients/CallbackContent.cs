using System.Net;

namespace Mptcp.AspNetCore.Tests.Clients;

/// <summary>A body of known length, with code that runs when all of it is sent and the request is not yet over.</summary>
internal sealed class CallbackContent(int length, Func<Task> whenSent) : HttpContent
{
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.WriteAsync(new byte[length]);
        await stream.FlushAsync();
        await whenSent();
    }

    protected override bool TryComputeLength(out long total)
    {
        total = length;
        return true;
    }
}
