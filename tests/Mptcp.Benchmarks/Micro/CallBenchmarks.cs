using System.Globalization;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Mptcp.AspNetCore;
using Mptcp.Benchmarks.Reporting;
using Mptcp.Sockets;
using Perfolizer.Horology;

namespace Mptcp.Benchmarks.Micro;

/// <summary>Single calls, by BenchmarkDotNet, which derives a class from this one.</summary>
public unsafe class CallBenchmarks : IDisposable
{
    private const string TemporaryFolder = "TMPDIR";

    private readonly Connected _active = new(MptcpStatus.Active);
    private readonly Connected _notNegotiated = new(MptcpStatus.NotNegotiated);
    private readonly Connected _fellBack = new(MptcpStatus.FellBack);
    private readonly HeldRequest _request = HeldRequest.StartAsync(mptcp: true).GetAwaiter().GetResult();
    private readonly HeldRequest _tcpRequest = HeldRequest.StartAsync(mptcp: false).GetAwaiter().GetResult();
    private readonly ResponseFeature _response = new();
    private readonly DefaultHttpContext _context;
    private readonly RequestDelegate _withHeader;
    private readonly RequestDelegate _withoutHeader;
    private readonly IMptcpFeature _feature;
    private readonly IMptcpFeature _tcpFeature;

    public CallBenchmarks()
    {
        _feature = _request.Context.Features.Get<IMptcpFeature>()!;
        _tcpFeature = _tcpRequest.Context.Features.Get<IMptcpFeature>()!;

        // The response is one that can start again and again; the feature is that of the live connection.
        _context = new DefaultHttpContext();
        _context.Features.Set<IHttpResponseFeature>(_response);
        _context.Features.Set(_feature);
        _withHeader = new ApplicationBuilder(_request.Context.RequestServices).UseMptcpStatusHeader().Use(Nothing).Build();
        _withoutHeader = new ApplicationBuilder(_request.Context.RequestServices).Use(Nothing).Build();

        static RequestDelegate Nothing(RequestDelegate next) => _ => Task.CompletedTask;
    }

    [Benchmark(Description = "bare `getsockopt(SO_PROTOCOL)`, active")]
    public int AskActive() => Ask(_active, 1, 38);

    [Benchmark(Description = "bare `getsockopt(TCP_IS_MPTCP)`, active")]
    public int AskIsMptcpActive() => Ask(_active, 6, 43);

    [Benchmark(Description = "`MptcpSocket.GetStatus`, active")]
    public MptcpStatus GetStatusActive() => MptcpSocket.GetStatus(_active.Socket);

    [Benchmark(Description = "bare `getsockopt(SO_PROTOCOL)`, not negotiated")]
    public int AskNotNegotiated() => Ask(_notNegotiated, 1, 38);

    [Benchmark(Description = "`MptcpSocket.GetStatus`, not negotiated")]
    public MptcpStatus GetStatusNotNegotiated() => MptcpSocket.GetStatus(_notNegotiated.Socket);

    [Benchmark(Description = "bare `getsockopt(TCP_IS_MPTCP)`, fell back")]
    public int AskIsMptcpFellBack() => Ask(_fellBack, 6, 43);

    [Benchmark(Description = "`MptcpSocket.GetStatus`, fell back")]
    public MptcpStatus GetStatusFellBack() => MptcpSocket.GetStatus(_fellBack.Socket);

    [Benchmark(Description = "`HttpContext.Features.Get<IConnectionSocketFeature>()`, Kestrel's own")]
    public object? GetKestrelsFeature() => _request.Context.Features.Get<IConnectionSocketFeature>();

    [Benchmark(Description = "`HttpContext.Features.Get<IMptcpFeature>()`")]
    public object? GetFeature() => _request.Context.Features.Get<IMptcpFeature>();

    [Benchmark(Description = "`IMptcpFeature.Status`, active (asked once a second)")]
    public MptcpStatus GetFeatureStatus() => _feature.Status;

    [Benchmark(Description = "`IMptcpFeature.Status`, not negotiated")]
    public MptcpStatus GetTcpFeatureStatus() => _tcpFeature.Status;

    [Benchmark(Description = "`IMptcpFeature.TryGetInfo`, active (asked each time, as `RequireMptcp` does)")]
    public bool TryGetFeatureInfo() => _feature.TryGetInfo(out _);

    [Benchmark(Description = "a response that starts, without the status header")]
    public Task StartWithoutHeader() => Start(_withoutHeader);

    [Benchmark(Description = "a response that starts, with the status header, active")]
    public Task StartWithHeader() => Start(_withHeader);

    [Benchmark(Description = "bare `getsockopt(MPTCP_FULL_INFO)`, one path")]
    public int AskFullInfo()
    {
        // struct mptcp_full_info, with arrays of one element: sizes at 4, 12 and 20, pointers at 24 and 32.
        var full = stackalloc byte[136];
        var subflow = stackalloc byte[264];
        var tcp = stackalloc byte[280];
        new Span<byte>(full, 136).Clear();
        *(uint*)(full + 4) = 216;
        *(uint*)(full + 12) = 264;
        *(uint*)(full + 20) = 1;
        *(ulong*)(full + 24) = (ulong)subflow;
        *(ulong*)(full + 32) = (ulong)tcp;
        var length = 136;
        return LibC.GetSockOpt(_active.Descriptor, 284, 4, full, &length);
    }

    [Benchmark(Description = "`MptcpSocket.GetSubflows`, one path")]
    public int GetSubflows() => MptcpSocket.GetSubflows(_active.Socket).Count;

    [Benchmark(Description = "`IMptcpFeature.GetSubflows`, one path")]
    public int GetFeatureSubflows() => _feature.GetSubflows().Count;

    [GlobalCleanup]
    public void Dispose()
    {
        foreach (var disposable in new IDisposable[] { _active, _notNegotiated, _fellBack, _request, _tcpRequest })
        {
            disposable.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    internal static void Run(Section section, Effort effort)
    {
        section.Explain("""
            By BenchmarkDotNet, in its own process (InProcessEmitToolchain): the projects that it would otherwise generate know neither .NET 10 nor
            the central package versions of this repository. The connections are live ones on loopback, of Kestrel where there is a feature.
            """);
        var artifacts = Directory.CreateTempSubdirectory("mptcp-bench");
        var temporary = Environment.GetEnvironmentVariable(TemporaryFolder);
        try
        {
            // BenchmarkDotNet refuses assemblies below the temporary folder, where a clone may be: xunit's copies, it thinks.
            Environment.SetEnvironmentVariable(TemporaryFolder, artifacts.FullName);
            var job = (effort.IsQuick ? Job.Dry : Job.Default.WithWarmupCount(6).WithIterationCount(20).WithIterationTime(TimeInterval.FromMilliseconds(100)))
                .WithToolchain(InProcessEmitToolchain.Instance);
            var configuration = ManualConfig.CreateEmpty()
                .AddJob(job)
                .AddLogger(NullLogger.Instance)
                .AddDiagnoser(MemoryDiagnoser.Default)
                .AddColumnProvider(DefaultColumnProviders.Instance)
                .WithOptions(ConfigOptions.DisableOptimizationsValidator)
                .WithArtifactsPath(artifacts.FullName);
            var summary = BenchmarkRunner.Run<CallBenchmarks>(configuration);
            if (summary.HasCriticalValidationErrors || summary.Reports.Length == 0 || summary.Reports.Any(report => !report.Success))
            {
                throw new InvalidOperationException($"BenchmarkDotNet: {string.Join('\n', summary.ValidationErrors.Select(error => error.Message))}");
            }

            var table = section.AddTable("what", "median, ns", "standard deviation, ns", "allocated, B");
            foreach (var report in summary.Reports)
            {
                var statistics = report.ResultStatistics!;
                table.Add(
                    report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''),
                    statistics.Median.ToString("F1", CultureInfo.InvariantCulture),
                    statistics.StandardDeviation.ToString("F1", CultureInfo.InvariantCulture),
                    $"{report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase)}");
            }
        }
        finally
        {
            Environment.SetEnvironmentVariable(TemporaryFolder, temporary);
            artifacts.Delete(recursive: true);
        }
    }

    private static int Ask(Connected connection, int level, int option)
    {
        int value;
        var length = sizeof(int);
        return LibC.GetSockOpt(connection.Descriptor, level, option, &value, &length);
    }

    private Task Start(RequestDelegate pipeline)
    {
        var done = pipeline(_context);
        _response.Start();
        return done;
    }

    /// <summary>Of which a response begins as soon as it is told to.</summary>
    private sealed class ResponseFeature : HttpResponseFeature
    {
        private Func<object, Task>? _callback;
        private object? _state;

        public override void OnStarting(Func<object, Task> callback, object state) => (_callback, _state) = (callback, state);

        public void Start() => _callback?.Invoke(_state!);
    }
}
