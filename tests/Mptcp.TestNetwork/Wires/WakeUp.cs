using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mptcp.TestNetwork.Wires;

/// <summary>Waits for packets of two devices or a time, until another thread says that it is over.</summary>
internal sealed unsafe partial class WakeUp : IDisposable
{
    private const int EFD_CLOEXEC = 0x80000;
    private const short POLLIN = 1;
    private const long Second = 1_000_000_000;

    private readonly SafeFileHandle _event = CreateEvent(0, EFD_CLOEXEC);

    public WakeUp()
    {
        if (_event.IsInvalid)
        {
            throw new InvalidOperationException($"eventfd: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    public void Signal()
    {
        ulong one = 1;
        _ = WriteEvent(_event, &one, sizeof(ulong));
    }

    /// <returns>False when it is over.</returns>
    public bool Wait(TunDevice a, TunDevice b, long nanoseconds)
    {
        var descriptors = stackalloc PollDescriptor[3];
        descriptors[0] = new(_event);
        descriptors[1] = new(a.Handle);
        descriptors[2] = new(b.Handle);

        // poll() counts in milliseconds: four packets of a link of 50 Mbit/s.
        nanoseconds = Math.Clamp(nanoseconds, 0, Second);
        var time = new TimeSpecification((nint)(nanoseconds / Second), (nint)(nanoseconds % Second));
        return PPoll(descriptors, 3, &time, null) <= 0 || descriptors[0].Received == 0;
    }

    public void Dispose() => _event.Dispose();

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial SafeFileHandle CreateEvent(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteEvent(SafeHandle descriptor, ulong* value, nint length);

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int PPoll(PollDescriptor* descriptors, nuint count, TimeSpecification* time, void* signals);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor(SafeFileHandle handle)
    {
        // The emulator closes the handles after the thread that polls has ended.
        public int Descriptor = (int)handle.DangerousGetHandle();
        public short Requested = POLLIN;
        public short Received;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpecification(nint Seconds, nint Nanoseconds);
}
