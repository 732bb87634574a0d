using System.Globalization;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>The load of <c>native/load.c</c>: posts 1 KiB, over 32 connections unless told otherwise.</summary>
internal static class Load
{
    internal const int Connections = 32;

    /// <summary>Every connection asks again once it is answered; or, with a rate, so many are due a second, each timed from then.</summary>
    internal static async Task<Figures> RunAsync(Uri url, TimeSpan duration, int rate = 0, int connections = Connections)
    {
        await using var load = ChildProcess.Start(
            Program("load"), [Text(url.Port), url.AbsolutePath, Text(connections), duration.TotalSeconds.ToString(CultureInfo.InvariantCulture), Text(rate)]);
        await Eventually.HoldsAsync(() => load.HasExited, () => "the load ends", duration + Eventually.Patience);
        return await load.ExitAsync() == 0 ? new Figures(string.Join('\n', load.Lines)) : throw new InvalidOperationException($"load: {load.Tail()}");
    }

    /// <summary>What <c>./bench</c> compiled of <c>native</c>.</summary>
    internal static string Program(string name) => Path.Combine(Tools.RepositoryRoot, ".run", "bench", "native", name);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
