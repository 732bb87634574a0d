using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Queues;

/// <summary>Which queues and functions are paused: the bucket <c>OF_paused</c>, which workers watch (R22 of docs/delivery-states.md).</summary>
internal sealed class PauseBook(NatsLink link, QueueOptions options, TimeProvider time)
{
    private readonly Bucket _bucket = new(link, BucketShape.Paused(options.Limits), options.PublishTimeout, time);

    /// <summary>Everything that is paused.</summary>
    public async Task<PausedThings> ReadAsync(CancellationToken ct)
    {
        var pauses = new Dictionary<(string, FunctionName?), Pause>();
        var breakers = new Dictionary<(string, FunctionName), OpenBreaker>();
        foreach (var key in await _bucket.KeysAsync(ct))
        {
            if (Pause.OfKey(key) is { } what && await _bucket.FindAsync(key, ct) is { Value: { } value } entry)
            {
                pauses[what] = Pause.Decode(value, entry.Created);
            }
            else if (OpenBreaker.OfKey(key) is { } broken && OpenBreaker.TryDecode((await _bucket.FindAsync(key, ct))?.Value) is { } breaker)
            {
                breakers[broken] = breaker;
            }
        }

        return new PausedThings(pauses, breakers);
    }

    /// <summary>Returns once it is stored. One that was there before is replaced, reason and time too.</summary>
    public Task PauseAsync(string queue, FunctionName? function, Pause pause, CancellationToken ct) => _bucket.PutAsync(Pause.Key(queue, function), pause.Encode(), ct);

    /// <summary>Returns once it is gone, whether it was there or not; a function's open breaker too.</summary>
    public async Task ResumeAsync(string queue, FunctionName? function, CancellationToken ct)
    {
        await _bucket.DeleteAsync(Pause.Key(queue, function), ct);
        if (function is { } one)
        {
            await _bucket.DeleteAsync(OpenBreaker.Key(queue, one), ct);
        }
    }
}

/// <summary>What was paused at one moment.</summary>
internal sealed class PausedThings(
    IReadOnlyDictionary<(string Queue, FunctionName? Function), Pause> pauses, IReadOnlyDictionary<(string Queue, FunctionName Function), OpenBreaker> breakers)
{
    public static PausedThings None { get; } = new(new Dictionary<(string, FunctionName?), Pause>(), new Dictionary<(string, FunctionName), OpenBreaker>());

    /// <summary>Each pause; without a function it is its queue's.</summary>
    public IEnumerable<(string Queue, FunctionName? Function, Pause Pause)> All => pauses.Select(pause => (pause.Key.Queue, pause.Key.Function, pause.Value));

    /// <summary>The queue's own pause; null for none.</summary>
    public Pause? Of(string queue) => pauses.GetValueOrDefault((queue, null));

    /// <summary>The open breakers of a queue's functions, by <c>name.namespace</c>.</summary>
    public Dictionary<string, OpenBreaker> BreakersOf(string queue) =>
        breakers.Where(breaker => breaker.Key.Queue == queue).ToDictionary(breaker => breaker.Key.Function.ToString(), breaker => breaker.Value);

    /// <summary>The pauses of a queue's functions, by <c>name.namespace</c>.</summary>
    public Dictionary<string, Pause> FunctionsOf(string queue) =>
        pauses.Where(pause => pause.Key.Queue == queue && pause.Key.Function is not null).ToDictionary(pause => pause.Key.Function!.Value.ToString(), pause => pause.Value);
}
