using System.Text.Json.Serialization;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>What lies in the queues.</summary>
internal sealed class QueueOverview(NatsLink link, PauseBook book, StreamSetup setup, WorkerReports reports)
{
    public async Task<IReadOnlyList<QueueCounts>> ListAsync(CancellationToken ct)
    {
        var streams = await StreamList.ReadAsync(link, ct);
        foreach (var (name, stream) in streams.Streams)
        {
            setup.Saw(name, stream.Created);
        }

        var paused = await book.ReadAsync(ct);
        var queues = new List<QueueCounts>();
        foreach (var queue in streams.Queues)
        {
            queues.Add(await CountAsync(queue, streams, paused, ct));
        }

        return queues;
    }

    /// <summary>Whether anything lies aside that is not held; no subject of a delayed call is read for it.</summary>
    public async Task<bool> HasDelayedAsync(string queue, CancellationToken ct) =>
        await link.FindCountsAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct) is { } aside && aside.Messages > Held(aside);

    /// <summary>Whether any of its streams is there: the first call of a queue may be a delayed one, and whoever deletes the stream of calls leaves the others.</summary>
    public async Task<bool> ExistsAsync(string queue, CancellationToken ct)
    {
        foreach (var stream in StreamNames.StreamsOf(queue))
        {
            if (await link.FindStreamAsync(stream, ct) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Null if there is no such queue.</summary>
    public async Task<QueueStats?> FindAsync(string queue, CancellationToken ct)
    {
        var calls = await link.FindCountsAsync(StreamNames.Calls(queue), ">", ct);
        var callbacks = await link.FindCountsAsync(StreamNames.Callbacks(queue), ">", ct);
        var dead = await link.FindCountsAsync(StreamNames.Dead(queue), ">", ct);
        var aside = await link.FindCountsAsync(StreamNames.Aside(queue), ">", ct);
        if ((calls ?? callbacks ?? dead ?? aside) is null)
        {
            return null;
        }

        var paused = await book.ReadAsync(ct);
        var held = Count(aside, group => group.Function is not null);
        return new QueueStats
        {
            Name = queue,
            Calls = calls?.Messages ?? 0,
            Running = reports.Of(queue).Running.Values.Sum(),
            Delayed = (aside?.Messages ?? 0) - held.Values.Sum(),
            Held = held.Values.Sum(),
            Callbacks = callbacks?.Messages ?? 0,
            Dead = dead?.Messages ?? 0,
            Bytes = calls?.Bytes ?? 0,
            OldestAt = calls?.OldestAt(),
            Paused = PauseView.From(paused.Of(queue)),
            Functions = Functions(calls, aside, callbacks, dead, paused.FunctionsOf(queue), paused.BreakersOf(queue)),
        };
    }

    private async Task<QueueCounts> CountAsync(string queue, StreamList streams, PausedThings paused, CancellationToken ct)
    {
        var aside = streams.MessagesOf(StreamNames.Aside(queue));
        var held = aside > 0 ? Held(await link.FindCountsAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct)) : aside;
        var unknown = streams.MissingOf(queue);
        return new QueueCounts
        {
            Name = queue,
            Calls = streams.MessagesOf(StreamNames.Calls(queue)),
            Delayed = aside - held,
            Held = held,
            Callbacks = streams.MessagesOf(StreamNames.Callbacks(queue)),
            Dead = streams.MessagesOf(StreamNames.Dead(queue)),
            Paused = PauseView.From(paused.Of(queue)),
            PausedFunctions = [.. paused.FunctionsOf(queue).Keys.Order(StringComparer.Ordinal)],
            UnreachableFunctions = [.. paused.BreakersOf(queue).Keys.Order(StringComparer.Ordinal)],
            Unknown = unknown.Count > 0 ? unknown : null,
        };
    }

    private static IReadOnlyList<FunctionCounts> Functions(
        StreamState? calls, StreamState? aside, StreamState? callbacks, StreamState? dead, Dictionary<string, Pause> paused, Dictionary<string, OpenBreaker> broken)
    {
        var waiting = calls.BySubject().ByFunction();
        var delayed = Count(aside, group => group.Function is null);
        var held = Count(aside, group => group.Function is not null);
        var telling = callbacks.BySubject().ByFunction();
        var given = dead.BySubject().ByFunction();
        return
        [
            .. from function in waiting.Keys.Union(delayed.Keys).Union(held.Keys).Union(paused.Keys).Union(broken.Keys).Union(telling.Keys).Union(given.Keys).Order(StringComparer.Ordinal)
               select new FunctionCounts
               {
                   Function = function,
                   Calls = waiting.GetValueOrDefault(function),
                   Delayed = delayed.GetValueOrDefault(function),
                   Held = held.GetValueOrDefault(function),
                   Callbacks = telling.GetValueOrDefault(function),
                   Dead = given.GetValueOrDefault(function),
                   Paused = PauseView.From(paused.GetValueOrDefault(function)),
                   Breaker = BreakerView.From(broken.GetValueOrDefault(function)),
               },
        ];
    }

    private static long Held(StreamState? aside) => Count(aside, group => group.Function is not null).Values.Sum();

    private static Dictionary<string, long> Count(StreamState? aside, Func<AsideGroup, bool> isOf) =>
        aside.BySubject().Where(subject => isOf(AsideGroup.Of(subject.Key))).ByFunction();
}

/// <summary>A queue in the list; a count is null where nobody of NATS tells it.</summary>
internal sealed record QueueCounts
{
    public required string Name { get; init; }

    /// <summary>Calls that have not ended: waiting, to be retried, or running.</summary>
    public required long? Calls { get; init; }

    /// <summary>Calls whose time, which their callers named, has not come.</summary>
    public required long? Delayed { get; init; }

    /// <summary>Calls that were put aside because their function is paused or cannot be reached.</summary>
    public required long? Held { get; init; }

    /// <summary>Callback records that were not delivered yet.</summary>
    public required long? Callbacks { get; init; }

    /// <summary>Dead letters.</summary>
    public required long? Dead { get; init; }

    /// <summary>The queue's own pause; null for none.</summary>
    public required PauseView? Paused { get; init; }

    /// <summary>Functions that are paused in it.</summary>
    public required IReadOnlyList<string> PausedFunctions { get; init; }

    /// <summary>Functions whose calls wait because they cannot be reached.</summary>
    public required IReadOnlyList<string> UnreachableFunctions { get; init; }

    /// <summary>Its streams of which nobody tells: their servers are away. Missing as a rule.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required IReadOnlyList<string>? Unknown { get; init; }
}

/// <summary>One queue.</summary>
internal sealed record QueueStats
{
    public required string Name { get; init; }

    /// <summary>Calls that have not ended: waiting, to be retried, or running.</summary>
    public required long Calls { get; init; }

    /// <summary>Calls that run, as the workers said within the last seconds.</summary>
    public required long Running { get; init; }

    /// <summary>Calls whose time, which their callers named, has not come.</summary>
    public required long Delayed { get; init; }

    /// <summary>Calls that were put aside because their function is paused or cannot be reached.</summary>
    public required long Held { get; init; }

    /// <summary>Callback records that were not delivered yet.</summary>
    public required long Callbacks { get; init; }

    /// <summary>Dead letters.</summary>
    public required long Dead { get; init; }

    /// <summary>Size of the calls.</summary>
    public required long Bytes { get; init; }

    /// <summary>When the call was stored that lies there longest: since it was accepted, put back or tried last.</summary>
    public required DateTime? OldestAt { get; init; }

    /// <summary>The queue's own pause; null for none.</summary>
    public required PauseView? Paused { get; init; }

    /// <summary>The same for each function.</summary>
    public required IReadOnlyList<FunctionCounts> Functions { get; init; }
}

/// <summary>One function's share of a queue.</summary>
internal sealed record FunctionCounts
{
    public required string Function { get; init; }

    public required long Calls { get; init; }

    public required long Delayed { get; init; }

    public required long Held { get; init; }

    public required long Callbacks { get; init; }

    public required long Dead { get; init; }

    public required PauseView? Paused { get; init; }

    public required BreakerView? Breaker { get; init; }
}
