using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Paths;

/// <summary>Opens the monitor. A service, so that tests can open it on another host.</summary>
/// <param name="support">Why there is none, when there is none.</param>
internal delegate MptcpPathMonitor? OpenPathMonitor(out MptcpSupport support);
