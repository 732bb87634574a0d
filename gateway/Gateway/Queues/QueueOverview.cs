using System.Runtime.CompilerServices;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Gateway.Queues;

/// <summary>What lies in the queues.</summary>
internal sealed class QueueOverview(NatsLink link, PauseBook book, StreamSetup setup)
{
    private const int NotFound = 404;

    public async Task<IReadOnlyList<QueueCounts>> ListAsync(CancellationToken ct)
    {
        var states = new Dictionary<string, long>();
        await foreach (var stream in link.JetStream.ListStreamsAsync(cancellationToken: ct))
        {
            var name = stream.Info.Config.Name ?? "";
            states[name] = stream.Info.State.Messages;
            setup.Saw(name, stream.Info.Created);
        }

        var paused = await book.ReadAsync(ct);
        var held = new Dictionary<string, long>();
        foreach (var queue in states.Where(stream => stream.Value > 0).Select(stream => StreamNames.QueueOfAside(stream.Key)).OfType<string>())
        {
            held[queue] = Held(await StateAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct));
        }

        return
        [
            .. from name in states.Keys.Order(StringComparer.Ordinal)
               where name.StartsWith("OF_", StringComparison.Ordinal) && StreamNames.QueueName().IsMatch(name[3..])
               let queue = name[3..]
               select new QueueCounts(
                   queue,
                   states[name],
                   states.GetValueOrDefault(StreamNames.Aside(queue)) - held.GetValueOrDefault(queue),
                   held.GetValueOrDefault(queue),
                   states.GetValueOrDefault(StreamNames.Callbacks(queue)),
                   states.GetValueOrDefault(StreamNames.Dead(queue)),
                   PauseShown.From(paused.Of(queue)),
                   [.. paused.FunctionsOf(queue).Keys.Order(StringComparer.Ordinal)],
                   [.. paused.BreakersOf(queue).Keys.Order(StringComparer.Ordinal)]),
        ];
    }

    /// <summary>Whether anything lies aside that is not held; no subject of a delayed call is read for it.</summary>
    public async Task<bool> HasDelayedAsync(string queue, CancellationToken ct) =>
        await StateAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), ct) is { } aside && aside.Messages > Held(aside);

    public async Task<bool> ExistsAsync(string queue, CancellationToken ct) => await StateAsync(StreamNames.Calls(queue), null, ct) is not null;

    /// <summary>Null if there is no such queue.</summary>
    public async Task<QueueStats?> FindAsync(string queue, CancellationToken ct)
    {
        if (await StateAsync(StreamNames.Calls(queue), ">", ct) is not { } calls)
        {
            return null;
        }

        var callbacks = await StateAsync(StreamNames.Callbacks(queue), ">", ct);
        var dead = await StateAsync(StreamNames.Dead(queue), ">", ct);
        var aside = await StateAsync(StreamNames.Aside(queue), ">", ct);
        var paused = await book.ReadAsync(ct);
        var held = Count(aside, group => group.Function is not null);
        var running = 0L;
        await foreach (var consumer in link.JetStream.ListConsumersAsync(StreamNames.Calls(queue), ct))
        {
            running += consumer.Info.NumAckPending;
        }

        return new QueueStats(
            queue,
            calls.Messages,
            running,
            (aside?.Messages ?? 0) - held.Values.Sum(),
            held.Values.Sum(),
            callbacks?.Messages ?? 0,
            dead?.Messages ?? 0,
            calls.Bytes,
            calls.Messages > 0 && DateTimeOffset.TryParse(calls.FirstTs, System.Globalization.CultureInfo.InvariantCulture, out var first) ? first.UtcDateTime : null,
            PauseShown.From(paused.Of(queue)),
            Functions(calls, aside, callbacks, dead, paused.FunctionsOf(queue), paused.BreakersOf(queue)));
    }

    /// <summary>Removes waiting and delayed calls, of one function or all; callback records and dead letters are other streams and stay. Tells how many, stream by stream.</summary>
    public async IAsyncEnumerable<long> PurgeAsync(string queue, FunctionName? function, [EnumeratorCancellation] CancellationToken ct)
    {
        // What comes back meanwhile goes from the first to the second.
        foreach (var (stream, filter) in Removable(queue, function))
        {
            yield return await PurgeAsync(stream, filter, ct);
        }
    }

    /// <summary>How many calls a purge would remove now.</summary>
    public async Task<long> CountAsync(string queue, FunctionName? function, CancellationToken ct)
    {
        var count = 0L;
        foreach (var (stream, filter) in Removable(queue, function))
        {
            var state = await StateAsync(stream, filter, ct);
            count += (filter is null ? state?.Messages : state?.Subjects?.Values.Sum()) ?? 0;
        }

        return count;
    }

    // The streams that a purge takes from, and which subjects of them; null for all.
    private static (string Stream, string? Filter)[] Removable(string queue, FunctionName? function)
    {
        var tail = function is { } one ? $"{StreamNames.Token(one.Namespace)}.{StreamNames.Token(one.Name)}" : null;
        return
        [
            (StreamNames.Aside(queue), tail is null ? null : $"{queue}.aside.*.*.{tail}"),
            (StreamNames.Calls(queue), tail is null ? null : $"{queue}.call.*.{tail}"),
        ];
    }

    private async Task<long> PurgeAsync(string stream, string? filter, CancellationToken ct)
    {
        try
        {
            return (long)(await link.JetStream.PurgeStreamAsync(stream, new StreamPurgeRequest { Filter = filter }, ct)).Purged;
        }
        catch (NatsJSApiException fault) when (fault.Error.Code == NotFound)
        {
            return 0;
        }
    }

    // Without a filter its subjects are not counted.
    private async Task<StreamState?> StateAsync(string stream, string? filter, CancellationToken ct)
    {
        try
        {
            return (filter is null ? (await link.JetStream.GetStreamAsync(stream, cancellationToken: ct)).Info : await link.WithSubjectsAsync(stream, filter, ct)).State;
        }
        catch (NatsJSApiException fault) when (fault.Error.Code == NotFound)
        {
            return null;
        }
    }

    private static IReadOnlyList<FunctionCounts> Functions(
        StreamState calls, StreamState? aside, StreamState? callbacks, StreamState? dead, Dictionary<string, Pause> paused, Dictionary<string, OpenBreaker> broken)
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

/// <summary>A queue in the list.</summary>
/// <param name="Name">The queue.</param>
/// <param name="Calls">Calls that have not ended: waiting, to be retried, or running.</param>
/// <param name="Delayed">Calls whose time, which their callers named, has not come.</param>
/// <param name="Held">Calls that were put aside because their function is paused or cannot be reached.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Paused">The queue's own pause; null for none.</param>
/// <param name="PausedFunctions">Functions that are paused in it.</param>
/// <param name="UnreachableFunctions">Functions whose calls wait because they cannot be reached.</param>
internal sealed record QueueCounts(
    string Name, long Calls, long Delayed, long Held, long Callbacks, long Dead, PauseShown? Paused, IReadOnlyList<string> PausedFunctions, IReadOnlyList<string> UnreachableFunctions);

/// <summary>One queue.</summary>
/// <param name="Name">The queue.</param>
/// <param name="Calls">Calls that have not ended: waiting, to be retried, or running.</param>
/// <param name="Running">Of those, the ones handed to a worker, or handed back with a delay.</param>
/// <param name="Delayed">Calls whose time, which their callers named, has not come.</param>
/// <param name="Held">Calls that were put aside because their function is paused or cannot be reached.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Bytes">Size of the calls.</param>
/// <param name="OldestAt">When the oldest call came in.</param>
/// <param name="Paused">The queue's own pause; null for none.</param>
/// <param name="Functions">The same for each function.</param>
internal sealed record QueueStats(
    string Name, long Calls, long Running, long Delayed, long Held, long Callbacks, long Dead, long Bytes, DateTime? OldestAt, PauseShown? Paused, IReadOnlyList<FunctionCounts> Functions);

/// <summary>One function's share of a queue.</summary>
internal sealed record FunctionCounts(string Function, long Calls, long Delayed, long Held, long Callbacks, long Dead, PauseShown? Paused, BreakerShown? Breaker);
