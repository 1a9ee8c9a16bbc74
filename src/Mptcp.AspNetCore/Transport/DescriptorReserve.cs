using Microsoft.Win32.SafeHandles;

namespace Mptcp.AspNetCore.Transport;

/// <summary>
/// A few descriptors that are kept for the rest of the process and given up when connections have taken all others: a request that opens a
/// file needs one, and the runtime itself, which ends the process ("Out of memory") where it can't load what it needs.
/// </summary>
internal sealed class DescriptorReserve : IDisposable
{
    private const int Size = 8;

    private readonly SafeFileHandle?[] _held = new SafeFileHandle?[Size];
    private bool _isFull;
    private bool _isDisposed;

    /// <returns>Whether all are held; never again after <see cref="Dispose"/>.</returns>
    public bool TryFill()
    {
        if (_isFull)
        {
            return true;
        }

        // The listener is closed by another thread than the one that accepts.
        lock (_held)
        {
            try
            {
                for (var i = 0; i < Size && !_isDisposed; i++)
                {
                    _held[i] ??= File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                }

                _isFull = !_isDisposed;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The few that could be had are not taken from who needs them.
                Release();
            }
        }

        return _isFull;
    }

    public void Release()
    {
        lock (_held)
        {
            _isFull = false;
            for (var i = 0; i < Size; i++)
            {
                _held[i]?.Dispose();
                _held[i] = null;
            }
        }
    }

    public void Dispose()
    {
        lock (_held)
        {
            _isDisposed = true;
            Release();
        }
    }
}
