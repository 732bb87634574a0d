using System.Text.Json.Serialization;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
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
        await StateAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct) is { } aside && aside.Messages > Held(aside);

    /// <summary>Whether any of its streams is there: the first call of a queue may be a delayed one, and whoever deletes the stream of calls leaves the others.</summary>
    public async Task<bool> ExistsAsync(string queue, CancellationToken ct)
    {
        foreach (var stream in StreamNames.StreamsOf(queue))
        {
            if (await StateAsync(stream, null, ct) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Null if there is no such queue.</summary>
    public async Task<QueueStats?> FindAsync(string queue, CancellationToken ct)
    {
        var calls = await StateAsync(StreamNames.Calls(queue), ">", ct);
        var callbacks = await StateAsync(StreamNames.Callbacks(queue), ">", ct);
        var dead = await StateAsync(StreamNames.Dead(queue), ">", ct);
        var aside = await StateAsync(StreamNames.Aside(queue), ">", ct);
        if ((calls ?? callbacks ?? dead ?? aside) is null)
        {
            return null;
        }

        var paused = await book.ReadAsync(ct);
        var held = Count(aside, group => group.Function is not null);
        return new QueueStats(
            queue,
            calls?.Messages ?? 0,
            reports.Of(queue).Running.Values.Sum(),
            (aside?.Messages ?? 0) - held.Values.Sum(),
            held.Values.Sum(),
            callbacks?.Messages ?? 0,
            dead?.Messages ?? 0,
            calls?.Bytes ?? 0,
            calls?.Messages > 0 && DateTimeOffset.TryParse(calls.FirstTs, System.Globalization.CultureInfo.InvariantCulture, out var first) ? first.UtcDateTime : null,
            PauseShown.From(paused.Of(queue)),
            Functions(calls, aside, callbacks, dead, paused.FunctionsOf(queue), paused.BreakersOf(queue)));
    }

    private async Task<QueueCounts> CountAsync(string queue, StreamList streams, PausedThings paused, CancellationToken ct)
    {
        var aside = streams.MessagesOf(StreamNames.Aside(queue));
        var held = aside > 0 ? Held(await StateAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct)) : aside;
        var unknown = streams.MissingOf(queue);
        return new QueueCounts(
            queue,
            streams.MessagesOf(StreamNames.Calls(queue)),
            aside - held,
            held,
            streams.MessagesOf(StreamNames.Callbacks(queue)),
            streams.MessagesOf(StreamNames.Dead(queue)),
            PauseShown.From(paused.Of(queue)),
            [.. paused.FunctionsOf(queue).Keys.Order(StringComparer.Ordinal)],
            [.. paused.BreakersOf(queue).Keys.Order(StringComparer.Ordinal)],
            unknown.Count > 0 ? unknown : null);
    }

    // Without a filter its subjects are not counted.
    private async Task<StreamState?> StateAsync(string stream, string? filter, CancellationToken ct)
    {
        try
        {
            return (filter is null ? (await link.JetStream.GetStreamAsync(stream, cancellationToken: ct)).Info : await link.WithSubjectsAsync(stream, filter, ct)).State;
        }
        catch (NatsJSApiException fault) when (fault.IsNotFound())
        {
            return null;
        }
    }

    private static IReadOnlyList<FunctionCounts> Functions(
        StreamState? calls, StreamState? aside, StreamState? callbacks, StreamState? dead, Dictionary<string, Pause> paused, Dictionary<string, OpenBreaker> broken)
    {
        var waiting = Count(calls);
        var delayed = Count(aside, group => group.Function is null);
        var held = Count(aside, group => group.Function is not null);
        var telling = Count(callbacks);
        var given = Count(dead);
        return
        [
            .. from function in waiting.Keys.Union(delayed.Keys).Union(held.Keys).Union(paused.Keys).Union(broken.Keys).Union(telling.Keys).Union(given.Keys).Order(StringComparer.Ordinal)
               select new FunctionCounts(
                   function,
                   waiting.GetValueOrDefault(function),
                   delayed.GetValueOrDefault(function),
                   held.GetValueOrDefault(function),
                   telling.GetValueOrDefault(function),
                   given.GetValueOrDefault(function),
                   PauseShown.From(paused.GetValueOrDefault(function)),
                   BreakerShown.From(broken.GetValueOrDefault(function))),
        ];
    }

    private static long Held(StreamState? aside) => Count(aside, group => group.Function is not null).Values.Sum();

    private static Dictionary<string, long> Count(StreamState? state, Func<AsideGroup, bool>? isOf = null)
    {
        var counts = new Dictionary<string, long>();
        foreach (var (subject, messages) in state?.Subjects ?? new Dictionary<string, long>())
        {
            if (isOf?.Invoke(AsideGroup.Of(subject)) == false)
            {
                continue;
            }

            var function = StreamNames.FunctionOf(subject)?.ToString() ?? subject;
            counts[function] = counts.GetValueOrDefault(function) + messages;
        }

        return counts;
    }
}

/// <summary>A queue in the list; a count is null where nobody of NATS tells it.</summary>
/// <param name="Name">The queue.</param>
/// <param name="Calls">Calls that have not ended: waiting, to be retried, or running.</param>
/// <param name="Delayed">Calls whose time, which their callers named, has not come.</param>
/// <param name="Held">Calls that were put aside because their function is paused or cannot be reached.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Paused">The queue's own pause; null for none.</param>
/// <param name="PausedFunctions">Functions that are paused in it.</param>
/// <param name="UnreachableFunctions">Functions whose calls wait because they cannot be reached.</param>
/// <param name="Unknown">Its streams of which nobody tells: their servers are away. Missing as a rule.</param>
internal sealed record QueueCounts(
    string Name,
    long? Calls,
    long? Delayed,
    long? Held,
    long? Callbacks,
    long? Dead,
    PauseShown? Paused,
    IReadOnlyList<string> PausedFunctions,
    IReadOnlyList<string> UnreachableFunctions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Unknown);

/// <summary>One queue.</summary>
/// <param name="Name">The queue.</param>
/// <param name="Calls">Calls that have not ended: waiting, to be retried, or running.</param>
/// <param name="Running">Calls that run, as the workers said within the last seconds.</param>
/// <param name="Delayed">Calls whose time, which their callers named, has not come.</param>
/// <param name="Held">Calls that were put aside because their function is paused or cannot be reached.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Bytes">Size of the calls.</param>
/// <param name="OldestAt">When the call was stored that lies there longest: since it was accepted, put back or tried last.</param>
/// <param name="Paused">The queue's own pause; null for none.</param>
/// <param name="Functions">The same for each function.</param>
internal sealed record QueueStats(
    string Name, long Calls, long Running, long Delayed, long Held, long Callbacks, long Dead, long Bytes, DateTime? OldestAt, PauseShown? Paused, IReadOnlyList<FunctionCounts> Functions);

/// <summary>One function's share of a queue.</summary>
internal sealed record FunctionCounts(string Function, long Calls, long Delayed, long Held, long Callbacks, long Dead, PauseShown? Paused, BreakerShown? Breaker);
