using Mptcp.Benchmarks;

Console.WriteLine("| what | median | ratio | middle half of the ratios | allocated |");
Console.WriteLine("|---|---|---|---|---|");
StatusBenchmark.Run();
SubflowBenchmark.Run();
