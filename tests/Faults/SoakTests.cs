using System.Globalization;
using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NATS.Client.KeyValueStore;

namespace Connectors.Faults.Tests;

/// <summary>A steady load with callbacks and stored results for an hour: what each process and stream uses at the end is what it used after five minutes.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int Callers = 16;

    // What ended is kept for a day unless an operator wants it otherwise: as much as there is after five minutes has to be all that there will be.
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(2);
    private readonly int _minutes = int.Parse(Setting("MINUTES", "60"), CultureInfo.InvariantCulture);
    private readonly int _rate = int.Parse(Setting("RATE", "300"), CultureInfo.InvariantCulture);
    private readonly List<Sample> _samples = [];
    private int _accepted;
    private int _refused;
    private int _runs;
    private int _callbacks;

    [Fact(Explicit = true)]
    public async Task Nothing_grows_under_a_steady_load()
    {
        await using var ends = await EndsAsync();
        await using var system = await FaultySystem.StartAsync("static", servers: 1, historyMaxAge: $"{Kept.TotalSeconds}s");
        (system.FunctionLink.Target, system.ReceiverLink.Target) = (ends.Port, ends.Port);
        await new NatsKVContext(system.JetStream).CreateStoreAsync(new NatsKVConfig("OF_results") { MaxAge = Kept });
        using var stopping = new CancellationTokenSource();
        var calling = Task.WhenAll(Enumerable.Range(0, Callers).Select(i => CallAsync(system, i, stopping.Token)));
        for (var minute = 1; minute <= _minutes; minute++)
        {
            await Task.Delay(TimeSpan.FromMinutes(1), TimeProvider.System);
            _samples.Add(await SampleAsync(system));
            Tell();
        }

        await stopping.CancelAsync();
        await calling;
        await system.IsDoneAsync();
        Tell();
        Assert.Equal((_accepted, _accepted), (_runs, _callbacks));
        var (early, late) = (Sample.Mean(Around(Math.Min(5, _minutes / 2))), Sample.Mean(_samples.TakeLast(3)));
        Assert.True(late.Grown(early) is { Count: 0 } grown, string.Join('\n', late.Grown(early)));
    }

    private IEnumerable<Sample> Around(int minute) => _samples.Skip(Math.Max(0, minute - 2)).Take(3);

    private static async Task<Sample> SampleAsync(FaultySystem system)
    {
        var sample = new Sample();
        (string Name, int Id)[] processes =
        [
            .. system.Gateways.Select((gateway, i) => ($"gateway {i}", gateway.Process.Id)),
            .. system.Workers.Select((worker, i) => ($"worker {i}", worker.Process.Id)),
            .. system.Nats.Servers.Select((server, i) => ($"nats-server {i}", server.ProcessId)),
        ];
        foreach (var (name, id) in processes)
        {
            var status = await File.ReadAllLinesAsync($"/proc/{id}/status");
            sample[$"{name}, MiB"] = double.Parse(status.First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ')[^2], CultureInfo.InvariantCulture) / 1024;
            sample[$"{name}, files"] = Directory.GetFileSystemEntries($"/proc/{id}/fd").Length;
        }

        sample["consumers"] = 0;
        await foreach (var stream in system.JetStream.ListStreamsAsync())
        {
            sample["consumers"] += stream.Info.State.ConsumerCount;
            sample[$"{stream.Info.Config.Name}, KiB"] = stream.Info.State.Bytes / 1024.0;
        }

        return sample;
    }

    private async Task CallAsync(FaultySystem system, int caller, CancellationToken stopping)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        using var tick = new PeriodicTimer(TimeSpan.FromSeconds((double)Callers / _rate), TimeProvider.System);
        while (!stopping.IsCancellationRequested)
        {
            await tick.WaitForNextTickAsync(CancellationToken.None);
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(system.Gateways[caller % 2].Api, "/async-function/work")) { Content = new ByteArrayContent(new byte[1000]) };
            request.Headers.Add("X-Callback-Url", system.CallbackUrl.ToString());
            request.Headers.Add("X-Store-Result", "1m");
            using var answer = await http.SendAsync(request, CancellationToken.None);
            _ = Interlocked.Increment(ref answer.IsSuccessStatusCode ? ref _accepted : ref _refused);
        }
    }

    // Function and receiver, in the test's own process: an hour's ledger would not fit into one.
    private async Task<HttpEnds> EndsAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapPost("/work/{**rest}", async (HttpContext http) =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            Interlocked.Increment(ref _runs);
            return "done";
        });
        app.MapPost("/callback/{**rest}", () => Interlocked.Increment(ref _callbacks));
        await app.StartAsync();
        return new HttpEnds(app);
    }

    private void Tell()
    {
        var text = new StringBuilder();
        int[] minutes = [.. new[] { 1, 5, _samples.Count / 2, _samples.Count }.Where(minute => minute > 0 && minute <= _samples.Count).Distinct().Order()];
        text.AppendLine(CultureInfo.InvariantCulture, $"| after minutes | {string.Join(" | ", minutes)} |").AppendLine($"| --- |{string.Concat(minutes.Select(_ => " --- |"))}");
        foreach (var name in _samples[^1].Names)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", minutes.Select(minute => _samples[minute - 1][name].ToString("#,0", CultureInfo.InvariantCulture)))} |");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"\n{_accepted} calls accepted, {_refused} refused, {_runs} runs, {_callbacks} callbacks");
        output.WriteLine(text.ToString());
        if (Setting("LEDGER", "") is { Length: > 0 } file)
        {
            File.WriteAllText(file, text.ToString());
        }
    }

    private static string Setting(string name, string usual) => Environment.GetEnvironmentVariable("CONNECTORS_SOAK_" + name) is { Length: > 0 } set ? set : usual;

    private sealed class HttpEnds(WebApplication app) : IAsyncDisposable
    {
        public int Port => new Uri(app.Urls.Single()).Port;

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }

    /// <summary>What everything uses at one moment.</summary>
    private sealed class Sample
    {
        private readonly SortedDictionary<string, double> _values = [];

        public IEnumerable<string> Names => _values.Keys;

        public double this[string name]
        {
            get => _values.GetValueOrDefault(name);
            set => _values[name] = value;
        }

        public static Sample Mean(IEnumerable<Sample> samples)
        {
            var (mean, all) = (new Sample(), samples.ToList());
            foreach (var name in all.SelectMany(sample => sample.Names).Distinct())
            {
                mean[name] = all.Average(sample => sample[name]);
            }

            return mean;
        }

        public IReadOnlyList<string> Grown(Sample early) =>
        [
            .. Names.Where(name => this[name] > (early[name] * 1.1) + (name.EndsWith("KiB", StringComparison.Ordinal) ? 1024 : 5))
                .Select(name => string.Create(CultureInfo.InvariantCulture, $"{name}: {early[name]:0} at first, {this[name]:0} at the end")),
        ];
    }
}
