using System.Runtime.InteropServices;

namespace Connectors.Benchmarks;

/// <summary>What the figures depend on.</summary>
internal static class Machine
{
    internal static string Describe() =>
        $"{Environment.ProcessorCount} × {Value("/proc/cpuinfo", "model name")}, {Gibibytes()} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";

    private static string Gibibytes() =>
        Value("/proc/meminfo", "MemTotal").Split(' ') is [var kibibytes, ..] && long.TryParse(kibibytes, out var number) ? $"{number / 1024.0 / 1024:0.#}" : "?";

    private static string Value(string file, string name) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown";
}
