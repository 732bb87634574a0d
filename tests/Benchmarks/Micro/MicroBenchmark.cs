using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Connectors.Testing;

namespace Connectors.Benchmarks.Micro;

/// <summary>Runs a class of BenchmarkDotNet's inside this process, which needs no project of its own built.</summary>
internal static class MicroBenchmark
{
    internal static Task<Report> RunAsync<T>(string title)
    {
        var config = new ManualConfig()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(Path.Combine(Tools.RepositoryRoot, ".run", "bench"));
        var summary = BenchmarkRunner.Run<T>(config);
        var report = new Report(title).Row("", "mean, ns", "standard deviation, ns", "allocated, bytes");
        foreach (var measured in summary.Reports)
        {
            var times = measured.ResultStatistics ?? throw new InvalidOperationException(string.Join('\n', summary.ValidationErrors));
            report.Row(
                measured.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''),
                times.Mean,
                times.StandardDeviation,
                measured.GcStats.GetBytesAllocatedPerOperation(measured.BenchmarkCase) ?? 0);
        }

        return Task.FromResult(report);
    }
}
