using System.Globalization;
using Connectors.Provider.Contracts;

namespace Connectors.Provider.Isolation;

/// <summary>
/// What a function's <c>limits</c> mean for its processes: <c>memory</c> bounds each one's private writable memory, and our own keys
/// <c>files</c> and <c>processes</c> its open files and its user's processes. Shares of a CPU are not enforced.
/// </summary>
internal static class ResourceLimits
{
    private static readonly (string Suffix, double Bytes)[] Units =
    [
        ("Ki", 1024), ("Mi", 1024.0 * 1024), ("Gi", 1024.0 * 1024 * 1024), ("k", 1e3), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("m", 1e6), ("g", 1e9), ("", 1),
    ];

    /// <summary>Arguments of prlimit; empty for none. Faults are added to <paramref name="faults"/>.</summary>
    public static IReadOnlyList<string> Read(FunctionResources? limits, IList<string> faults)
    {
        var arguments = new List<string>();
        if (limits?.Memory is { Length: > 0 } memory)
        {
            Add("--data", Bytes(memory), "limits.memory", memory, "an amount such as 128Mi");
        }

        if (limits?.Files is { Length: > 0 } files)
        {
            Add("--nofile", Count(files), "limits.files", files, "a whole number");
        }

        if (limits?.Processes is { Length: > 0 } processes)
        {
            Add("--nproc", Count(processes), "limits.processes", processes, "a whole number");
        }

        return arguments;

        void Add(string option, long? amount, string name, string given, string allowed)
        {
            if (amount is { } value)
            {
                arguments.Add($"{option}={value}");
            }
            else
            {
                faults.Add($"{name}: \"{given}\" is not {allowed}");
            }
        }
    }

    private static long? Count(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : null;

    private static long? Bytes(string text)
    {
        var (suffix, bytes) = Units.First(unit => text.EndsWith(unit.Suffix, StringComparison.Ordinal));
        return double.TryParse(text[..^suffix.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) && amount > 0
            && amount * bytes < long.MaxValue ? (long)(amount * bytes)
            : null;
    }
}
