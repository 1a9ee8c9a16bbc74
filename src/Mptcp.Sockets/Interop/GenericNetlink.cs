using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Mptcp.Sockets.Interop;

/// <summary>The part of generic netlink that joining a multicast group and reading a configuration need (<c>linux/genetlink.h</c>).</summary>
internal static class GenericNetlink
{
    /// <summary>What the kernel's documentation of netlink recommends for reading; no message is longer.</summary>
    public const int DatagramSize = 8192;

    /// <summary>Opens a socket to the kernel.</summary>
    /// <returns>0 and the handle, or the errno and null.</returns>
    public static int Open(out SafeSocketHandle? handle)
    {
        var errno = LibC.OpenSocket(
            NetlinkConstants.AF_NETLINK, NetlinkConstants.SOCK_RAW, NetlinkConstants.NETLINK_GENERIC, out handle);
        if (errno != 0)
        {
            return errno;
        }

        // Connected to the kernel (port 0), the socket takes no messages that another process addresses to it.
        Span<byte> kernel = stackalloc byte[12]; // struct sockaddr_nl
        kernel.Clear();
        MemoryMarshal.Write(kernel, (ushort)NetlinkConstants.AF_NETLINK);
        errno = LibC.Connect(handle!, kernel);
        if (errno != 0)
        {
            handle!.Dispose();
            handle = null;
        }

        return errno;
    }

    /// <summary>Asks the kernel for the numbers of a family and of one of its multicast groups.</summary>
    /// <param name="socket">Non-blocking: the kernel answers while the question is being sent.</param>
    /// <param name="family">The family's name.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="familyId">The message type of the family, or null: this kernel does not have it.</param>
    /// <param name="groupId">The group, or null: the family does not have it.</param>
    /// <exception cref="SocketException">Netlink itself failed.</exception>
    public static void Resolve(Socket socket, string family, string group, out ushort? familyId, out uint? groupId)
    {
        familyId = null;
        groupId = null;
        socket.Send(CreateGetFamily(family), SocketFlags.None);

        Span<byte> answer = stackalloc byte[DatagramSize];
        var messages = new NetlinkReader(answer[..socket.Receive(answer, SocketFlags.None)]);
        while (messages.MoveNext())
        {
            // The other answer is NLMSG_ERROR with ENOENT.
            if (messages.Type == NetlinkConstants.GENL_ID_CTRL && messages.Payload.Length >= NetlinkConstants.GENL_HDRLEN)
            {
                ReadFamily(messages.Payload[NetlinkConstants.GENL_HDRLEN..], Encoding.UTF8.GetBytes(group), ref familyId, ref groupId);
            }
        }
    }

    /// <summary>Asks a family of the kernel, and reads the answer to its end.</summary>
    /// <param name="socket">Non-blocking: the kernel answers while the question is being sent, or the next part is being read.</param>
    /// <param name="family">The message type of the family.</param>
    /// <param name="command">The command, one without arguments.</param>
    /// <param name="isDump">Whether it lists things; otherwise there is one answer.</param>
    /// <param name="take">Gets the attributes of each message of the answer.</param>
    /// <returns>0, or the errno with which the kernel refused.</returns>
    /// <exception cref="SocketException">Netlink itself failed.</exception>
    public static int Ask(Socket socket, ushort family, byte command, bool isDump, Action<ReadOnlySpan<byte>> take)
    {
        Span<byte> request = stackalloc byte[NetlinkConstants.NLMSG_HDRLEN + NetlinkConstants.GENL_HDRLEN];
        request.Clear();

        // The acknowledgement ends a single answer as NLMSG_DONE ends a list.
        var flags = isDump ? NetlinkConstants.NLM_F_DUMP : NetlinkConstants.NLM_F_ACK;
        WriteHeader(request, family, (ushort)(NetlinkConstants.NLM_F_REQUEST | flags), command);
        socket.Send(request, SocketFlags.None);

        Span<byte> answer = stackalloc byte[DatagramSize];
        while (true)
        {
            var messages = new NetlinkReader(answer[..socket.Receive(answer, SocketFlags.None)]);
            while (messages.MoveNext())
            {
                if (messages.Type is NetlinkConstants.NLMSG_DONE or NetlinkConstants.NLMSG_ERROR)
                {
                    return MemoryMarshal.TryRead(messages.Payload, out int error) ? -error : 0;
                }

                if (messages.Type == family && messages.Payload.Length >= NetlinkConstants.GENL_HDRLEN)
                {
                    take(messages.Payload[NetlinkConstants.GENL_HDRLEN..]);
                }
            }
        }
    }

    private static void WriteHeader(Span<byte> request, ushort type, ushort flags, byte command)
    {
        MemoryMarshal.Write(request, request.Length);
        MemoryMarshal.Write(request[4..], type);
        MemoryMarshal.Write(request[6..], flags);
        request[NetlinkConstants.NLMSG_HDRLEN] = command;
        request[NetlinkConstants.NLMSG_HDRLEN + 1] = 1; // the version of both families
    }

    private static byte[] CreateGetFamily(string family)
    {
        var name = Encoding.UTF8.GetBytes(family + '\0');
        const int NameAt = NetlinkConstants.NLMSG_HDRLEN + NetlinkConstants.GENL_HDRLEN;
        var request = new byte[NameAt + NetlinkReader.Align(NetlinkConstants.NLA_HDRLEN + name.Length, NetlinkConstants.NLA_ALIGNTO)];
        WriteHeader(request, NetlinkConstants.GENL_ID_CTRL, NetlinkConstants.NLM_F_REQUEST, NetlinkConstants.CTRL_CMD_GETFAMILY);
        MemoryMarshal.Write(request.AsSpan(NameAt), (ushort)(NetlinkConstants.NLA_HDRLEN + name.Length));
        MemoryMarshal.Write(request.AsSpan(NameAt + 2), NetlinkConstants.CTRL_ATTR_FAMILY_NAME);
        name.CopyTo(request, NameAt + NetlinkConstants.NLA_HDRLEN);
        return request;
    }

    private static void ReadFamily(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> group, ref ushort? familyId, ref uint? groupId)
    {
        var attributes = new NetlinkAttributeReader(payload);
        while (attributes.MoveNext())
        {
            if (attributes.Type == NetlinkConstants.CTRL_ATTR_FAMILY_ID && attributes.TryRead(out ushort id))
            {
                familyId = id;
            }
            else if (attributes.Type == NetlinkConstants.CTRL_ATTR_MCAST_GROUPS)
            {
                var groups = new NetlinkAttributeReader(attributes.Value);
                while (groups.MoveNext())
                {
                    groupId = ReadGroup(groups.Value, group) ?? groupId;
                }
            }
        }
    }

    private static uint? ReadGroup(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> wanted)
    {
        uint? id = null;
        var isWanted = false;
        var attributes = new NetlinkAttributeReader(payload);
        while (attributes.MoveNext())
        {
            if (attributes.Type == NetlinkConstants.CTRL_ATTR_MCAST_GRP_NAME)
            {
                isWanted = attributes.Value.TrimEnd((byte)0).SequenceEqual(wanted);
            }
            else if (attributes.Type == NetlinkConstants.CTRL_ATTR_MCAST_GRP_ID && attributes.TryRead(out uint value))
            {
                id = value;
            }
        }

        return isWanted ? id : null;
    }
}
