using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Tests.Doctor;

/// <summary>Hides a folder from the calling thread only. The thread can't be used for anything else afterwards.</summary>
internal static partial class HiddenFolder
{
    private const int CLONE_FS = 0x200;
    private const int CLONE_NEWNS = 0x20000;
    private const ulong MS_REC = 0x4000;
    private const ulong MS_PRIVATE = 0x40000;
    private const int Nobody = 65534;

    public static void Hide(string folder)
    {
        Check(Unshare(CLONE_FS | CLONE_NEWNS));
        Check(Mount("none", "/", null, MS_REC | MS_PRIVATE, null));
        Check(Mount("none", folder, "tmpfs", 0, "mode=0700"));

        // The permissions of files are checked against this id, and the privilege of root to ignore them is lost with it.
        _ = SetFileSystemUserId(Nobody);
        Check(SetFileSystemUserId(Nobody) == Nobody ? 0 : -1);
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException(Marshal.GetLastPInvokeErrorMessage());
        }
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string? type, ulong flags, string? data);

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUserId(int user);
}
