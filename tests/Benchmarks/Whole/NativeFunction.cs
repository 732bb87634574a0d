using System.Globalization;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>The function in <c>native/function.c</c>: it costs next to nothing, counts its runs, and times those whose caller said when it sent them.</summary>
internal sealed class NativeFunction : IAsyncDisposable
{
    private readonly ChildProcess _process;
    private readonly HttpClient _http = new(new SocketsHttpHandler());

    private NativeFunction(ChildProcess process, int port) => (_process, Port, Url) = (process, port, new Uri($"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}"));

    internal int Port { get; }

    internal Uri Url { get; }

    /// <param name="maxMilliseconds">If set, its answers take from 0 to so many, and it counts what comes out of its key's order: bodies are "KEY ORDINAL".</param>
    internal static async Task<NativeFunction> StartAsync(int? maxMilliseconds = null)
    {
        var port = FreePort.Next();
        var process = ChildProcess.Start(
            Load.Program("function"), new[] { port, maxMilliseconds }.OfType<int>().Select(number => number.ToString(CultureInfo.InvariantCulture)));
        await process.LineAsync(line => line == "listening", "the function listens");
        return new NativeFunction(process, port);
    }

    internal async Task<Figures> FiguresAsync() => new(await _http.GetStringAsync(new Uri(Url, "/_stats")));

    internal async Task ForgetAsync() => (await _http.PostAsync(new Uri(Url, "/_reset"), null)).Dispose();

    /// <summary>Returns its figures once it ran so often.</summary>
    internal async Task<Figures> RanAsync(double runs, string what)
    {
        Figures? seen = null;
        await Eventually.HoldsAsync(async () => (seen = await FiguresAsync())["runs"] >= runs, () => $"{what}: {seen?["runs"]} of {runs} runs", TimeSpan.FromMinutes(5));
        return seen!;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _process.DisposeAsync();
    }
}
