using Mptcp.Benchmarks;

switch (args)
{
    case []:
        Comparison.PrintHead();
        StatusBenchmark.Run();
        SubflowBenchmark.Run();
        await ServerBenchmark.RunAsync();
        await HttpClientBenchmark.RunAsync();
        break;

    case ["server"]:
        await ServerBenchmark.RunAsync();
        break;

    case ["status"]:
        Comparison.PrintHead();
        StatusBenchmark.Run();
        break;

    case ["subflows"]:
        Comparison.PrintHead();
        SubflowBenchmark.Run();
        break;

    case ["http"]:
        await HttpClientBenchmark.RunAsync();
        break;

    // The two processes of the last one.
    case [HttpServer.Argument]:
        await HttpServer.RunAsync();
        break;

    case [HttpClientBenchmark.ClientArgument]:
        HttpClientBenchmark.Compare();
        break;

    default:
        Console.Error.WriteLine("Arguments: none to measure everything, or one of status, subflows, server, http.");
        return 1;
}

return 0;
