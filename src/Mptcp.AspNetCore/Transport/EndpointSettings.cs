using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>What one endpoint says for itself; null where it says nothing.</summary>
internal readonly record struct EndpointSettings(MptcpMode? Mode, MptcpFallback? Fallback);
