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
        foreach (var key in await _bucket.KeysAsync(ct))
        {
            if (Pause.OfKey(key) is { } what && await _bucket.FindAsync(key, ct) is { Value: { } value } entry)
            {
                pauses[what] = Pause.Decode(value, entry.Created);
            }
        }

        return new PausedThings(pauses);
    }

    /// <summary>Returns once it is stored. One that was there before is replaced, reason and time too.</summary>
    public Task PauseAsync(string queue, FunctionName? function, Pause pause, CancellationToken ct) => _bucket.PutAsync(Pause.Key(queue, function), pause.Encode(), ct);

    /// <summary>Returns once it is gone, whether it was there or not.</summary>
    public Task ResumeAsync(string queue, FunctionName? function, CancellationToken ct) => _bucket.DeleteAsync(Pause.Key(queue, function), ct);
}

/// <summary>What was paused at one moment.</summary>
internal sealed class PausedThings(IReadOnlyDictionary<(string Queue, FunctionName? Function), Pause> pauses)
{
    /// <summary>Each pause; without a function it is its queue's.</summary>
    public IEnumerable<(string Queue, FunctionName? Function, Pause Pause)> All => pauses.Select(pause => (pause.Key.Queue, pause.Key.Function, pause.Value));

    /// <summary>The queue's own pause; null for none.</summary>
    public Pause? Of(string queue) => pauses.GetValueOrDefault((queue, null));

    /// <summary>The pauses of a queue's functions, by <c>name.namespace</c>.</summary>
    public Dictionary<string, Pause> FunctionsOf(string queue) =>
        pauses.Where(pause => pause.Key.Queue == queue && pause.Key.Function is not null).ToDictionary(pause => pause.Key.Function!.Value.ToString(), pause => pause.Value);
}
