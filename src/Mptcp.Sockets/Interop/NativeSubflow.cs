using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary><c>struct mptcp_subflow_data</c>: before the array that MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS fill (Linux 5.16).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeSubflowData
{
    public uint size_subflow_data;
    public uint num_subflows;
    public uint size_kernel;
    public uint size_user;
}

/// <summary><c>struct mptcp_subflow_addrs</c>: two <c>struct sockaddr_storage</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct NativeSubflowAddresses
{
    [FieldOffset(0)] public NativeSocketAddress ss_local;
    [FieldOffset(128)] public NativeSocketAddress ss_remote;
}

/// <summary><c>struct sockaddr_storage</c>.</summary>
[InlineArray(Size)]
internal struct NativeSocketAddress
{
    public const int Size = 128;

    private byte _first;
}

/// <summary><c>struct mptcp_subflow_info</c>, an element of MPTCP_FULL_INFO (Linux 6.5).</summary>
[StructLayout(LayoutKind.Explicit, Size = 264)]
internal struct NativeSubflowInfo
{
    [FieldOffset(0)] public uint id;
    [FieldOffset(8)] public NativeSubflowAddresses addrs;
}

/// <summary><c>struct mptcp_full_info</c> (Linux 6.5).</summary>
[StructLayout(LayoutKind.Explicit, Size = 136)]
internal struct NativeFullInfo
{
    [FieldOffset(0)] public uint size_tcpinfo_kernel;
    [FieldOffset(4)] public uint size_tcpinfo_user;
    [FieldOffset(8)] public uint size_sfinfo_kernel;
    [FieldOffset(12)] public uint size_sfinfo_user;
    [FieldOffset(16)] public uint num_subflows;
    [FieldOffset(20)] public uint size_arrays_user;
    [FieldOffset(24)] public ulong subflow_info;
    [FieldOffset(32)] public ulong tcp_info;
    [FieldOffset(40)] public NativeMptcpInfo mptcp_info;
}
