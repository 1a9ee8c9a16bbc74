using System.CommandLine;
using System.CommandLine.Help;
using System.Runtime.InteropServices;
using Download;

// Downloads a file over all paths that there are, shows what each carries, and goes on where it was cut off.
try
{
    var parsed = Options.CreateCommand(RunAsync).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
    if (parsed.Errors is [var error, ..])
    {
        throw new DownloadException(ExitCode.Usage, $"{error.Message.TrimEnd('.')}; try --help");
    }

    var exitCode = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    if (parsed.Action is HelpAction)
    {
        Console.WriteLine(Options.Help);
    }

    return exitCode;
}
catch (DownloadException e)
{
    Console.Error.WriteLine(e.ToLine());
    return e.ExitCode;
}
catch (Exception e)
{
    Console.Error.WriteLine(new DownloadException(ExitCode.Internal, e.Message).ToLine());
    return ExitCode.Internal;
}

static async Task<int> RunAsync(Options options)
{
    using var interrupt = new CancellationTokenSource();
    var signal = default(PosixSignal);
    using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
    using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

    var paths = new PathMeter();
    using var transfer = new Transfer(options, paths);
    await using var screen = Screen.Start(transfer, paths);
    transfer.Noted += screen.Note;
    try
    {
        await transfer.RunAsync(interrupt.Token);
        await screen.FinishAsync();
        return 0;
    }
    catch (Exception e) when (interrupt.IsCancellationRequested && e is OperationCanceledException or DownloadException)
    {
        screen.Note($"Interrupted. {transfer.HowToGoOn()}");
        return signal == PosixSignal.SIGTERM ? 143 : 130;
    }
    catch (DownloadException e)
    {
        screen.Note(e.ToLine());
        if (transfer.Received > 0)
        {
            screen.Note(transfer.HowToGoOn());
        }

        return e.ExitCode;
    }

    void Interrupt(PosixSignalContext context)
    {
        // The second one ends the process as it would without us.
        context.Cancel = !interrupt.IsCancellationRequested;
        signal = context.Signal;
        interrupt.Cancel();
    }
}
