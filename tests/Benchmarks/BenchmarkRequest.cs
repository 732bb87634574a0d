using System.Globalization;
using Connectors.Benchmarks.Whole;

namespace Connectors.Benchmarks;

/// <summary>What was asked for on the command line.</summary>
internal sealed record BenchmarkRequest(IReadOnlyList<string> Names)
{
    /// <summary>How long each load lasts.</summary>
    internal TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(5);

    internal TimeSpan WarmUp => TimeSpan.FromSeconds(3);

    /// <summary>How often each is measured.</summary>
    internal int Rounds { get; init; } = 3;

    internal bool Save { get; init; }

    /// <summary>What takes part beside this build: another revision, or this one with other settings.</summary>
    internal IReadOnlyList<Build> Others { get; init; } = [];

    internal string? Fault { get; init; }

    /// <summary>This build, and the others.</summary>
    internal IEnumerable<Build> Builds => [Build.Own, .. Others];

    internal static BenchmarkRequest Parse(string[] arguments, IReadOnlyList<string> known)
    {
        var request = new BenchmarkRequest([]);
        for (var i = 0; i < arguments.Length && request.Fault is null; i++)
        {
            request = arguments[i] switch
            {
                "--save" => request with { Save = true },
                "--seconds" when Number(i + 1) is { } seconds && ++i > 0 => request with { Duration = TimeSpan.FromSeconds(seconds) },
                "--rounds" when Number(i + 1) is { } rounds && ++i > 0 => request with { Rounds = rounds },
                "--seconds" or "--rounds" => request with { Fault = $"{arguments[i]} needs a whole number above 0" },
                "--other" when i + 2 < arguments.Length && (i += 2) > 0 => request with { Others = [.. request.Others, new Build(arguments[i - 1], arguments[i])] },
                "--native" => request with { Others = [.. request.Others, Build.Native] },
                "--with" when i + 1 < arguments.Length && ++i > 0 => request with { Others = [.. request.Others, Build.With(arguments[i])] },
                var name when known.Contains(name) => request with { Names = [.. request.Names, name] },
                var other => request with { Fault = $"unknown benchmark \"{other}\"; allowed: {string.Join(", ", known)}" },
            };
        }

        return request.Names.Count == 0 ? request with { Names = known } : request;

        int? Number(int at) => at < arguments.Length && int.TryParse(arguments[at], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
    }
}
