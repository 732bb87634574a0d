using System.Globalization;
using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>What wrk measured; it posts 1 KiB over 32 connections as fast as they are answered.</summary>
internal sealed partial record Load(double PerSecond, long Requests, long Refused, TimeSpan Median, TimeSpan Percentile99)
{
    private const int Connections = 32;

    internal static async Task<Load> RunAsync(Uri url, TimeSpan duration)
    {
        var script = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.lua");
        await File.WriteAllTextAsync(script, """
            wrk.method = "POST"
            wrk.body = string.rep("x", 1024)
            wrk.headers["Content-Type"] = "application/octet-stream"
            """);
        try
        {
            await using var wrk = ChildProcess.Start(
                Tools.Path("load"), ["-t", "1", "-c", Text(Connections), "-d", $"{Text((int)duration.TotalSeconds)}s", "--latency", "-s", script, url.AbsoluteUri]);
            await Eventually.HoldsAsync(() => wrk.HasExited, () => $"wrk ends; it wrote:\n{wrk.Tail()}", duration + Eventually.Patience);
            return await wrk.ExitAsync() == 0 ? Read(string.Join('\n', wrk.Lines)) : throw new InvalidOperationException($"wrk: {wrk.Tail()}");
        }
        finally
        {
            File.Delete(script);
        }
    }

    private static Load Read(string text) => new(
        Number(Rate().Match(text)),
        (long)Number(Total().Match(text)),
        (long)Number(NotOk().Match(text)),
        Time(Percentile().Matches(text).First(m => m.Groups[1].Value == "50")),
        Time(Percentile().Matches(text).First(m => m.Groups[1].Value == "99")));

    private static double Number(Match match) => match.Success ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;

    private static TimeSpan Time(Match match)
    {
        var value = double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
        return match.Groups[3].Value switch
        {
            "us" => TimeSpan.FromMicroseconds(value),
            "ms" => TimeSpan.FromMilliseconds(value),
            _ => TimeSpan.FromSeconds(value),
        };
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex Total();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (\d+)")]
    private static partial Regex NotOk();

    [GeneratedRegex(@"^\s+(50|99)%\s+([\d.]+)(us|ms|s)\s*$", RegexOptions.Multiline)]
    private static partial Regex Percentile();
}
