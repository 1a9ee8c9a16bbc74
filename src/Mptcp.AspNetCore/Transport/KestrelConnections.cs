using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Mptcp.AspNetCore.Transport;

/// <summary>Makes connections of sockets as Kestrel's own listener does, out of its settings and its pinned memory pool.</summary>
internal static class KestrelConnections
{
    public static SocketConnectionContextFactory CreateFactory(SocketTransportOptions options, ILoggerFactory loggerFactory) =>
        new(CopyOptions(options), loggerFactory.CreateLogger("Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));

    private static SocketConnectionFactoryOptions CopyOptions(SocketTransportOptions options)
    {
        try
        {
            return CopyWithPool(options);
        }
        catch (MissingMethodException)
        {
            // Another Kestrel than the one this was built for: it costs the pinned pool, nothing else.
            return new SocketConnectionFactoryOptions
            {
                IOQueueCount = options.IOQueueCount,
                WaitForDataBeforeAllocatingBuffer = options.WaitForDataBeforeAllocatingBuffer,
                MaxReadBufferSize = options.MaxReadBufferSize,
                MaxWriteBufferSize = options.MaxWriteBufferSize,
                UnsafePreferInlineScheduling = options.UnsafePreferInlineScheduling,
            };
        }
    }

    /// <summary>What Kestrel's listener calls. There is no public way to hand over the pool.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SocketConnectionFactoryOptions CopyWithPool(SocketTransportOptions options);
}
