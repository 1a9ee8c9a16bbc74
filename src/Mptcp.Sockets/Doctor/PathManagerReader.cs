using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mptcp.Sockets.Interop;

namespace Mptcp.Sockets.Doctor;

/// <summary>Asks the kernel's path manager for its limits and endpoints. No privilege is needed for that.</summary>
internal static class PathManagerReader
{
    public static MptcpPathManagerFacts Read(string family = NetlinkConstants.MPTCP_PM_NAME)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Unknown("The kernel's path manager exists on Linux only.");
        }

        var errno = GenericNetlink.Open(out var handle);
        if (errno != 0)
        {
            return Unknown(
                $"Generic netlink sockets can't be opened ({Marshal.GetPInvokeErrorMessage(errno)}): a security policy or a sandbox refuses them. Where systemd does, allow AF_NETLINK in RestrictAddressFamilies= of the unit.");
        }

        try
        {
            using var socket = new Socket(handle!) { Blocking = false };
            GenericNetlink.Resolve(socket, family, NetlinkConstants.MPTCP_PM_EV_GRP_NAME, out var familyId, out _);
            return familyId is { } id
                ? Read(socket, id)
                : Unknown("This kernel has no Multipath TCP path manager (generic netlink family mptcp_pm): it was built without CONFIG_MPTCP or is older than Linux 5.6.");
        }
        catch (SocketException e)
        {
            return Unknown($"Reading from generic netlink failed: {e.Message}");
        }
        finally
        {
            handle!.Dispose();
        }
    }

    /// <summary>Takes the limits out of an answer.</summary>
    /// <returns>Null when the kernel refused, with its errno.</returns>
    public static (long? Subflows, long? AddAddrAccepted) ParseLimits(ReadOnlySpan<byte> attributes)
    {
        (long? Subflows, long? AddAddrAccepted) limits = default;
        var reader = new NetlinkAttributeReader(attributes);
        while (reader.MoveNext())
        {
            if (reader.Type == NetlinkConstants.MPTCP_PM_ATTR_SUBFLOWS && reader.TryRead(out uint subflows))
            {
                limits.Subflows = subflows;
            }
            else if (reader.Type == NetlinkConstants.MPTCP_PM_ATTR_RCV_ADD_ADDRS && reader.TryRead(out uint accepted))
            {
                limits.AddAddrAccepted = accepted;
            }
        }

        return limits;
    }

    /// <summary>Takes an endpoint out of one message of a dump; null when there is none in it.</summary>
    public static MptcpEndpointFacts? ParseEndpoint(ReadOnlySpan<byte> attributes)
    {
        var reader = new NetlinkAttributeReader(attributes);
        while (reader.MoveNext())
        {
            if (reader.Type == NetlinkConstants.MPTCP_PM_ATTR_ADDR)
            {
                return ParseAddress(reader.Value);
            }
        }

        return null;
    }

    private static MptcpPathManagerFacts Read(Socket socket, ushort family)
    {
        (long? Subflows, long? AddAddrAccepted) limits = default;
        var errno = GenericNetlink.Ask(
            socket, family, NetlinkConstants.MPTCP_PM_CMD_GET_LIMITS, isDump: false, attributes => limits = ParseLimits(attributes));
        if (errno != 0)
        {
            return Refused(errno);
        }

        var endpoints = new List<MptcpEndpointFacts>();
        errno = GenericNetlink.Ask(socket, family, NetlinkConstants.MPTCP_PM_CMD_GET_ADDR, isDump: true, attributes =>
        {
            if (ParseEndpoint(attributes) is { } endpoint)
            {
                endpoints.Add(endpoint);
            }
        });
        return errno != 0 ? Refused(errno) : new MptcpPathManagerFacts
        {
            SubflowLimit = limits.Subflows,
            AddAddrAcceptedLimit = limits.AddAddrAccepted,
            Endpoints = endpoints,
        };
    }

    private static MptcpEndpointFacts? ParseAddress(ReadOnlySpan<byte> attributes)
    {
        IPAddress? address = null;
        byte id = 0;
        uint flags = 0;
        ushort port = 0;
        var interfaceIndex = 0;
        var reader = new NetlinkAttributeReader(attributes);
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                case NetlinkConstants.MPTCP_PM_ADDR_ATTR_ADDR4 when reader.Value.Length == 4:
                case NetlinkConstants.MPTCP_PM_ADDR_ATTR_ADDR6 when reader.Value.Length == 16:
                    address = new IPAddress(reader.Value);
                    break;
                case NetlinkConstants.MPTCP_PM_ADDR_ATTR_ID:
                    _ = reader.TryRead(out id);
                    break;
                case NetlinkConstants.MPTCP_PM_ADDR_ATTR_FLAGS:
                    _ = reader.TryRead(out flags);
                    break;
                case NetlinkConstants.MPTCP_PM_ADDR_ATTR_IF_IDX:
                    _ = reader.TryRead(out interfaceIndex);
                    break;
                case NetlinkConstants.MPTCP_PM_ADDR_ATTR_PORT:
                    // Unlike in events, in the byte order of this machine.
                    _ = reader.TryRead(out port);
                    break;
            }
        }

        return address is null ? null : new MptcpEndpointFacts
        {
            Address = address,
            Id = id,
            Flags = (MptcpEndpointUses)flags,
            Port = port == 0 ? null : port,
            Interface = interfaceIndex == 0 ? null : LibC.GetInterfaceName(interfaceIndex),
        };
    }

    private static MptcpPathManagerFacts Refused(int errno) => Unknown(errno == Errno.EPERM
        ? "The kernel refuses to tell the path manager's configuration to this process: it lacks CAP_NET_ADMIN in its network namespace."
        : $"The kernel refuses to tell the path manager's configuration: {Marshal.GetPInvokeErrorMessage(errno)}.");

    private static MptcpPathManagerFacts Unknown(string why) => new() { WhyUnknown = why };
}
