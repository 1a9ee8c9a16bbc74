using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>Asks the kernel for the subflows of a connection: in one call where it has MPTCP_FULL_INFO, else in three.</summary>
internal static unsafe class SubflowReader
{
    /// <summary>What most connections have: the in-kernel path manager allows eight besides the initial one.</summary>
    private const int ExpectedSubflows = 9;

    /// <summary>How often a connection is read again that changes meanwhile.</summary>
    private const int Attempts = 4;

    private const string AllLost =
        "all subflows are lost or closed: the kernel waits for a new one until net.mptcp.close_timeout is over, and ends the connection then";

    public static MptcpSubflowList Read(Socket socket, int descriptor, bool openedAsTcp)
    {
        var fullInfoErrno = ReadFullInfo(descriptor, out var info, out var infoLength, out var subflows);
        if (fullInfoErrno == 0 && StatusLadder.Judge(info, infoLength) == MptcpStatus.Active)
        {
            return new(
                new MptcpReading(MptcpStatus.Active, info, infoLength, errno: 0), subflows, subflows.Length > 0 ? null : AllLost);
        }

        // Refused because the connection is TCP, or because the kernel doesn't know the option.
        var connection = MptcpSocket.Read(socket, openedAsTcp);
        if (connection.Status != MptcpStatus.Active)
        {
            return new(connection, [], connection.Status.Explain());
        }

        var errno = ReadLists(descriptor, out var listed);
        return (errno, listed) switch
        {
            (0, { Length: > 0 } some) => new(connection, some, whyEmpty: null),
            (0, { }) => new(connection, [], AllLost),
            (0, null) => new(connection, [], "the subflows changed faster than they could be read"),
            (Errno.EOPNOTSUPP, _) => new(connection, [], "this kernel does not tell subflows: Linux 5.16 or later does"),
            _ => new(connection, [], $"the kernel refused: {Marshal.GetPInvokeErrorMessage(errno)}"),
        };
    }

    /// <summary>MPTCP_FULL_INFO (Linux 6.5): figures and subflows of one moment.</summary>
    /// <returns>The errno, or 0 and the subflows.</returns>
    private static int ReadFullInfo(int descriptor, out NativeMptcpInfo info, out int infoLength, out MptcpSubflow[] subflows)
    {
        info = default;
        infoLength = 0;
        subflows = [];
        Span<byte> subflowInfos = stackalloc byte[ExpectedSubflows * sizeof(NativeSubflowInfo)];
        Span<byte> tcpInfos = stackalloc byte[ExpectedSubflows * sizeof(NativeTcpInfo)];
        var capacity = ExpectedSubflows;
        for (var attempt = 1; ; attempt++)
        {
            var errno = CallFullInfo(descriptor, subflowInfos, tcpInfos, capacity, out var full, out var length);
            if (errno != 0)
            {
                return errno;
            }

            infoLength = length - (sizeof(NativeFullInfo) - sizeof(NativeMptcpInfo));
            if (infoLength < NativeMptcpInfo.SizeLinux5_16)
            {
                return Errno.EBADMSG;
            }

            if (full.num_subflows > (uint)capacity && attempt < Attempts)
            {
                capacity = WithRoom(full.num_subflows);
                subflowInfos = new byte[capacity * sizeof(NativeSubflowInfo)];
                tcpInfos = new byte[capacity * sizeof(NativeTcpInfo)];
                continue;
            }

            info = full.mptcp_info;
            subflows = new MptcpSubflow[(int)Math.Min(full.num_subflows, (uint)capacity)];
            for (var i = 0; i < subflows.Length; i++)
            {
                var subflow = SubflowParser.Read<NativeSubflowInfo>(subflowInfos, (int)full.size_sfinfo_user, i);
                var tcp = SubflowParser.Read<NativeTcpInfo>(tcpInfos, (int)full.size_tcpinfo_user, i);
                subflows[i] = SubflowParser.Create((int)subflow.id, subflow.addrs, tcp);
            }

            return 0;
        }
    }

    private static int CallFullInfo(
        int descriptor, Span<byte> subflowInfos, Span<byte> tcpInfos, int capacity, out NativeFullInfo full, out int length)
    {
        fixed (byte* subflowPointer = subflowInfos, tcpPointer = tcpInfos)
        fixed (NativeFullInfo* pointer = &full)
        {
            *pointer = new NativeFullInfo
            {
                size_tcpinfo_user = (uint)sizeof(NativeTcpInfo),
                size_sfinfo_user = (uint)sizeof(NativeSubflowInfo),
                size_arrays_user = (uint)capacity,
                subflow_info = (ulong)subflowPointer,
                tcp_info = (ulong)tcpPointer,
            };
            length = sizeof(NativeFullInfo);
            return LibC.GetSocketOption(descriptor, LinuxConstants.SOL_MPTCP, LinuxConstants.MPTCP_FULL_INFO, pointer, ref length);
        }
    }

    /// <summary>
    /// MPTCP_SUBFLOW_ADDRS and MPTCP_TCPINFO (Linux 5.16): two lists in the same order, but not of the same moment. Read between two
    /// readings of the addresses that agree, or not at all: the figures of one path must not come under the name of another.
    /// </summary>
    /// <returns>The errno, or 0 and the subflows; null when the connection changed at each attempt.</returns>
    private static int ReadLists(int descriptor, out MptcpSubflow[]? subflows)
    {
        subflows = null;
        var errno = ReadList<NativeSubflowAddresses>(descriptor, LinuxConstants.MPTCP_SUBFLOW_ADDRS, out var before);
        for (var attempt = 0; errno == 0 && attempt < Attempts; attempt++)
        {
            errno = ReadList<NativeTcpInfo>(descriptor, LinuxConstants.MPTCP_TCPINFO, out var tcpInfos);
            NativeSubflowAddresses[] after = [];
            errno = errno == 0 ? ReadList(descriptor, LinuxConstants.MPTCP_SUBFLOW_ADDRS, out after) : errno;
            if (errno == 0
                && tcpInfos.Length == after.Length
                && MemoryMarshal.AsBytes<NativeSubflowAddresses>(before).SequenceEqual(MemoryMarshal.AsBytes<NativeSubflowAddresses>(after)))
            {
                subflows = new MptcpSubflow[after.Length];
                for (var i = 0; i < subflows.Length; i++)
                {
                    subflows[i] = SubflowParser.Create(id: null, after[i], tcpInfos[i]);
                }

                return 0;
            }

            before = after;
        }

        return errno;
    }

    private static int ReadList<T>(int descriptor, int option, out T[] elements)
        where T : unmanaged
    {
        elements = [];
        var capacity = ExpectedSubflows;
        for (var attempt = 1; ; attempt++)
        {
            var buffer = new byte[sizeof(NativeSubflowData) + (capacity * sizeof(T))];
            MemoryMarshal.Write(buffer, new NativeSubflowData
            {
                size_subflow_data = (uint)sizeof(NativeSubflowData),
                size_user = (uint)sizeof(T),
            });
            var length = buffer.Length;
            fixed (byte* pointer = buffer)
            {
                var errno = LibC.GetSocketOption(descriptor, LinuxConstants.SOL_MPTCP, option, pointer, ref length);
                if (errno != 0)
                {
                    return errno;
                }
            }

            var header = MemoryMarshal.Read<NativeSubflowData>(buffer);
            if (header.num_subflows > (uint)capacity && attempt < Attempts)
            {
                capacity = WithRoom(header.num_subflows);
                continue;
            }

            var array = buffer.AsSpan(Unsafe.SizeOf<NativeSubflowData>());
            elements = new T[(int)Math.Min(header.num_subflows, (uint)capacity)];
            for (var i = 0; i < elements.Length; i++)
            {
                elements[i] = SubflowParser.Read<T>(array, (int)header.size_user, i);
            }

            return 0;
        }
    }

    /// <summary>For one more, should it join until the next call; the kernel counts subflows in a byte.</summary>
    private static int WithRoom(uint subflows) => (int)Math.Min(subflows, byte.MaxValue) + 1;
}
