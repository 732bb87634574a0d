using System.Diagnostics;

namespace Connectors.Benchmarks.Whole;

/// <summary>A worker that calls functions itself, if this build's can.</summary>
internal static class DirectCalls
{
    internal const string Name = "past the gateway";

    internal static bool AreKnown { get; } = Help().Contains("direct_functions", StringComparison.Ordinal);

    internal static IReadOnlyDictionary<string, string> To(NativeFunction function) =>
        new Dictionary<string, string> { ["direct_functions"] = "true", ["function_url"] = function.Url.AbsoluteUri + "{name}" };

    private static string Help()
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Build.Own.Assembly("QueueWorker"), "--help"]) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }
}
