using System.Runtime.InteropServices;

namespace Mptcp.Benchmarks.Micro;

/// <summary>The bare system calls, as function pointers: no marshalling, no handle, no errno.</summary>
internal static unsafe class LibC
{
    /// <summary>The descriptor, level and name, a buffer and its length.</summary>
    public static readonly delegate* unmanaged<int, int, int, void*, int*, int> GetSockOpt =
        (delegate* unmanaged<int, int, int, void*, int*, int>)NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "getsockopt");
}
