namespace Connectors.Benchmarks;

/// <summary>What was asked for on the command line.</summary>
internal sealed record BenchmarkRequest(IReadOnlyList<string> Names, TimeSpan Duration, bool Save, string? Fault = null)
{
    internal static BenchmarkRequest Parse(string[] arguments, IReadOnlyList<string> known)
    {
        var request = new BenchmarkRequest([], TimeSpan.FromSeconds(10), Save: false);
        for (var i = 0; i < arguments.Length && request.Fault is null; i++)
        {
            request = arguments[i] switch
            {
                "--save" => request with { Save = true },
                "--seconds" when i + 1 < arguments.Length && int.TryParse(arguments[i + 1], out var seconds) && seconds > 0 && ++i > 0 =>
                    request with { Duration = TimeSpan.FromSeconds(seconds) },
                "--seconds" => request with { Fault = "--seconds needs a whole number above 0" },
                var name when known.Contains(name) => request with { Names = [.. request.Names, name] },
                var other => request with { Fault = $"unknown benchmark \"{other}\"; allowed: {string.Join(", ", known)}" },
            };
        }

        return request.Names.Count == 0 ? request with { Names = known } : request;
    }
}
