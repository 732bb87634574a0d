using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Connectors.Testing;

namespace Connectors.Faults.Tests;

/// <summary>A call of the load, and what its caller was told.</summary>
internal sealed class Call(string id, string function, bool hasKey)
{
    public string Id => id;

    public string Function => function;

    /// <summary>Whether it carries an <c>Idempotency-Key</c>, and is repeated until it is accepted.</summary>
    public bool HasKey => hasKey;

    /// <summary>When its last request began, by the timestamps of <see cref="TimeProvider.System"/>.</summary>
    public long Began { get; set; }

    public bool IsAccepted { get; set; }

    /// <summary>Whether an answer was 503, or none came: it may be stored.</summary>
    public bool IsUnknown { get; set; }
}

/// <summary>Callers that call through both gateways, each call once, or with a key until it is accepted.</summary>
internal sealed class Load(IReadOnlyList<Uri> gateways, Uri callbacks, int seed) : IAsyncDisposable
{
    private const int Callers = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5) }) { Timeout = TimeSpan.FromSeconds(15) };
    private readonly ConcurrentDictionary<string, Call> _calls = new();
    private readonly ConcurrentDictionary<string, int> _strange = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task _calling = Task.CompletedTask;
    private int _count;

    public IReadOnlyCollection<Call> Calls => [.. _calls.Values];

    /// <summary>Answers that are neither 202 nor 503, with their number.</summary>
    public IReadOnlyCollection<string> Strange => [.. _strange.Select(answer => $"{answer.Value} x {answer.Key}")];

    public void Start() => _calling = Task.WhenAll(Enumerable.Range(0, Callers).Select(i => CallAsync(new Random(seed + i))));

    /// <summary>Returns when no call is under way any more.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _calling;
    }

    /// <summary>Waits until every part is there, and a call through each gateway has been run and called back.</summary>
    public async Task IsQuietAsync(FaultySystem system)
    {
        await system.IsWholeAsync();
        var probes = (await ProbeAsync()).Select(call => call.Id).ToList();
        await Eventually.HoldsAsync(
            () => !probes.Except(system.Receiver.Entries.Select(entry => entry.CallId)).Any(), $"{string.Join(" and ", probes)} are called back");
    }

    // One call through each gateway until it is accepted.
    private async Task<IReadOnlyList<Call>> ProbeAsync()
    {
        var probes = gateways.Select((gateway, i) => (Gateway: gateway, Call: Next("work", hasKey: true))).ToList();
        await Task.WhenAll(probes.Select(probe => Eventually.HoldsAsync(() => SendAsync(probe.Call, probe.Gateway, callbacks), $"{probe.Gateway} accepts")));
        return [.. probes.Select(probe => probe.Call)];
    }

    /// <summary>Makes a call that the ledger knows nothing of, until it is accepted.</summary>
    public Task BesideAsync(string function, Uri callback)
    {
        var call = new Call($"beside-{Interlocked.Increment(ref _count)}", function, hasKey: true);
        return Eventually.HoldsAsync(() => SendAsync(call, gateways[0], callback), "a gateway accepts");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http.Dispose();
        _stopping.Dispose();
    }

    private async Task CallAsync(Random random)
    {
        while (!_stopping.IsCancellationRequested)
        {
            var call = Next(random.Next(10) switch { 0 => "bad", 1 => "flaky", _ => "work" }, hasKey: random.Next(4) == 0);
            do
            {
                await SendAsync(call, gateways[random.Next(gateways.Count)], callbacks);
                await Task.Delay(Pause, TimeProvider.System);
            }
            while (call.HasKey && !call.IsAccepted);
        }
    }

    private Call Next(string function, bool hasKey)
    {
        var call = new Call($"call-{Interlocked.Increment(ref _count).ToString(CultureInfo.InvariantCulture)}", function, hasKey);
        _calls[call.Id] = call;
        return call;
    }

    private async Task<bool> SendAsync(Call call, Uri gateway, Uri callback)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway, $"/async-function/{call.Function}")) { Content = new ByteArrayContent(Encoding.ASCII.GetBytes(call.Id)) };
        request.Headers.Add("X-Call-Id", call.Id);
        request.Headers.Add("X-Callback-Url", callback.ToString());
        if (call.HasKey)
        {
            request.Headers.Add("Idempotency-Key", call.Id);
        }

        call.Began = TimeProvider.System.GetTimestamp();
        try
        {
            using var answer = await _http.SendAsync(request);
            call.IsAccepted |= answer.StatusCode == HttpStatusCode.Accepted;
            call.IsUnknown |= answer.StatusCode != HttpStatusCode.Accepted;
            if (answer.StatusCode is not (HttpStatusCode.Accepted or HttpStatusCode.ServiceUnavailable))
            {
                _strange.AddOrUpdate($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}", 1, (_, count) => count + 1);
            }
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            call.IsUnknown = true;
        }

        return call.IsAccepted;
    }
}
