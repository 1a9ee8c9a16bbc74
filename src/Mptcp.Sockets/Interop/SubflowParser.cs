using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Interop;

/// <summary>
/// Reads the arrays that the kernel filled. Their elements are as long as the kernel says (the stride): shorter than our structs on
/// kernels that know less, and then the rest of ours is zero.
/// </summary>
internal static class SubflowParser
{
    // <bits/socket.h>
    private const int AF_INET = LinuxConstants.AF_INET;
    private const int AF_INET6 = LinuxConstants.AF_INET6;

    /// <summary>Element <paramref name="index"/> of an array, or as much of it as there is.</summary>
    public static T Read<T>(ReadOnlySpan<byte> array, int stride, int index)
        where T : unmanaged
    {
        var value = default(T);
        var start = (long)stride * index;
        if (stride > 0 && start < array.Length)
        {
            var element = array[(int)start..];
            var length = Math.Min(Math.Min(stride, element.Length), Unsafe.SizeOf<T>());
            element[..length].CopyTo(MemoryMarshal.AsBytes(new Span<T>(ref value)));
        }

        return value;
    }

    /// <summary>An IPv4 or IPv6 address and port. The initial subflow of a dual-stack socket is IPv6 to the kernel, later ones are not.</summary>
    public static IPEndPoint ReadEndPoint(ReadOnlySpan<byte> socketAddress)
    {
        var family = MemoryMarshal.Read<ushort>(socketAddress);
        var port = BinaryPrimitives.ReadUInt16BigEndian(socketAddress[2..]);
        switch (family)
        {
            case AF_INET:
                return new IPEndPoint(new IPAddress(socketAddress.Slice(4, 4)), port);

            case AF_INET6:
                var address = new IPAddress(socketAddress.Slice(8, 16), MemoryMarshal.Read<uint>(socketAddress[24..]));
                return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);

            default:
                // A subflow that was disconnected has no address any more.
                return new IPEndPoint(IPAddress.Any, 0);
        }
    }

    public static MptcpSubflow Create(int? id, in NativeSubflowAddresses addresses, in NativeTcpInfo tcpInfo) =>
        new(id, ReadEndPoint(addresses.ss_local), ReadEndPoint(addresses.ss_remote), tcpInfo);
}
