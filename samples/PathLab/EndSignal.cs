using System.Runtime.InteropServices;

namespace PathLab;

/// <summary>Ctrl-C, a request to terminate, or a closed terminal: ends the download, so that the network is removed.</summary>
internal sealed class EndSignal : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public EndSignal()
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        _registrations = [.. signals.Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>The exit code by the convention of shells; <see langword="null"/> before there is a signal.</summary>
    public int? ExitCode { get; private set; }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // A signal that comes while the network is being removed changes nothing.
        context.Cancel = true;
        ExitCode ??= 128 + context.Signal switch
        {
            PosixSignal.SIGHUP => 1,
            PosixSignal.SIGINT => 2,
            _ => 15,
        };
        if (context.Signal == PosixSignal.SIGINT && !Console.IsInputRedirected)
        {
            // The terminal sends Ctrl-C also to the programs that remove the network. From here on it is an ordinary key.
            Console.TreatControlCAsInput = true;
        }

        _source.Cancel();
    }
}
