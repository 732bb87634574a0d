using System.IO.MemoryMappedFiles;

namespace Connectors.Benchmarks;

/// <summary>
/// Runs inside a measured process, which loads this assembly as its startup hook: ten times a second it writes how many bytes were allocated so far into the
/// file that the environment names.
/// </summary>
internal static class AllocationHook
{
    internal const string Variable = "BENCH_ALLOCATIONS";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static Timer? _timer;

    internal static void Begin()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path)
        {
            var view = MemoryMappedFile.CreateFromFile(path, FileMode.Open).CreateViewAccessor(0, sizeof(long));
            _timer = new Timer(_ => view.Write(0, GC.GetTotalAllocatedBytes()), null, Pause, Pause);
        }
    }
}
