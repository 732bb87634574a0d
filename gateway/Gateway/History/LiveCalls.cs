using System.Runtime.CompilerServices;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.History;

/// <summary>
/// Finds calls that have not ended. Their streams have no index: an id that was made here tells when the call came in, and there the search begins; it ends
/// after a bounded number of messages or bytes of each stream, and after some seconds for all of them. So a call may wait and not be found: one whose id is its
/// caller's own and that stands far behind in a long queue.
/// </summary>
internal sealed class LiveCalls(NatsLink link, TimeProvider time)
{
    private const int MaxMessages = 4_000;
    private const long MaxBytes = 64 * 1024 * 1024;

    // Streams that are looked through at once.
    private const int AtOnce = 8;

    // Whoever asks waits for ten seconds, and is told of what has ended as well, if only that is known.
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(9);
    private static readonly TimeSpan BesideOthers = TimeSpan.FromSeconds(4);

    // Between the making of an id and the storing of its call lie the reading of its body and what is left of a clock's error.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(2);

    /// <summary>
    /// What of this id waits, is delayed or runs; and the streams in which it could not be looked for, because nobody tells of them now or the time was over, as it is
    /// with <paramref name="ct"/>. Of a call that is known to have ended it is only whether it is on its way once more.
    /// </summary>
    public async Task<(IReadOnlyList<CallStory> Stories, IReadOnlyList<string> Unread)> FindAsync(
        string callId, string? queue, FunctionName? function, bool isKnown, CancellationToken ct)
    {
        StreamList? all;
        try
        {
            all = queue is null ? await StreamList.ReadAsync(link, ct) : null;
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            return ([], ["the list of streams"]);
        }

        var places = (all?.Queues ?? [queue!]).SelectMany(one => Places(one, function)).Where(place => all?.MessagesOf(place.Stream) != 0).ToList();
        var found = new IReadOnlyList<CallStory>?[places.Count];
        using var limit = new TimeLimit(isKnown ? BesideOthers : MaxTime, time, ct);
        await Parallel.ForEachAsync(Enumerable.Range(0, places.Count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
        {
            var (one, stream, filter) = places[i];
            if (all?.Missing.Contains(stream) != true)
            {
                found[i] = await TryFindInAsync(one, stream, filter, callId, function, limit.Token);
            }
        });
        return ([.. found.OfType<IReadOnlyList<CallStory>>().SelectMany(stories => stories)], [.. places.Where((_, i) => found[i] is null).Select(place => place.Stream)]);
    }

    /// <summary>
    /// How far the callbacks of ended calls are that the history has as due. One that is not found, behind too many others or because nobody tells of them in time,
    /// stays as it is.
    /// </summary>
    public async Task<IReadOnlyList<CallStory>> WithDueCallbacksAsync(IReadOnlyList<CallStory> stories, CancellationToken ct)
    {
        var records = new Dictionary<(string, string, int), CallbackRecord>();
        using var limit = new TimeLimit(BesideOthers, time, ct);
        foreach (var due in stories.Where(IsDue).GroupBy(story => story.Queue))
        {
            try
            {
                await foreach (var (call, record) in CallbacksAsync(due.Key, [.. due], limit.Token))
                {
                    records[(due.Key, call.DeliveryId, call.Redrive)] = record;
                }
            }
            catch (Exception fault) when (fault is NatsException or OperationCanceledException)
            {
                // What was found until then is told.
            }
        }

        return [.. stories.Select(story => IsDue(story) && records.TryGetValue((story.Queue, story.DeliveryId, story.Redrive), out var record)
            ? story with { Callback = CallbackStory.From(record, story.EndedAt!.Value) }
            : story)];
    }

    // The streams of a queue in which its calls lie, and the subjects of a function's there.
    private static (string Queue, string Stream, string Filter)[] Places(string queue, FunctionName? function) =>
    [
        (queue, StreamNames.Calls(queue), StreamNames.CallSubjects(queue, function)),
        (queue, StreamNames.Aside(queue), StreamNames.AsideSubjects(queue, function)),
    ];

    private static bool IsDue(CallStory story) => story is { Callback.State: CallbackStates.Due, EndedAt: not null };

    // Records are stored just before their calls end, and copies of them, to be posted again, later.
    private async IAsyncEnumerable<(Envelope Call, CallbackRecord Record)> CallbacksAsync(string queue, IReadOnlyList<CallStory> due, [EnumeratorCancellation] CancellationToken ct)
    {
        if (await CallsInStream.OpenAsync(link, StreamNames.Callbacks(queue), ct) is not { } callbacks)
        {
            yield break;
        }

        var wanted = due.Select(story => story.DeliveryId).ToHashSet();
        var filter = due.Select(story => story.Function).Distinct().Count() == 1
            ? StreamNames.CallbackSubject(queue, FunctionName.Parse(due[0].Function, ""))
            : StreamNames.CallbackSubjects(queue);
        var first = await callbacks.PlaceOfAsync(due.Min(story => story.EndedAt!.Value) - Slack, ct);
        await foreach (var batch in UpToBoundAsync(callbacks, first, filter, ct))
        {
            foreach (var message in batch.Where(message => message.Call is { } call && wanted.Contains(call.DeliveryId)))
            {
                if (message.Callback is { } record)
                {
                    yield return (message.Call!, record);
                }
            }
        }
    }

    // Null if it could not be looked through.
    private async Task<IReadOnlyList<CallStory>?> TryFindInAsync(string queue, string name, string filter, string callId, FunctionName? function, CancellationToken ct)
    {
        try
        {
            return await FindInAsync(queue, name, filter, callId, function, ct);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<CallStory>> FindInAsync(string queue, string name, string filter, string callId, FunctionName? function, CancellationToken ct)
    {
        if (await CallsInStream.OpenAsync(link, name, ct) is not { } calls)
        {
            return [];
        }

        var now = time.GetUtcNow();
        var first = FreshId.TimeOf(callId) is { } made && made < now ? await calls.PlaceOfAsync(made - AheadOf(calls, now) - Slack, ct) : calls.First;
        await foreach (var batch in UpToBoundAsync(calls, first, filter, ct))
        {
            var found = batch.Where(message => message.Call?.CallId == callId && (function is null || message.Call.FunctionName == function)).ToList();
            if (found.Count > 0)
            {
                var delivered = await calls.DeliveredAsync(ct);
                return [.. found.Select(message => CallStory.From(queue, message.Call!, message.Size, message.IsRunning(delivered, now), now))];
            }
        }

        return [];
    }

    // Ids are made by this clock, or one like it, and messages lie in the order of the server's. One that is behind has the search begin early, which finds the call too.
    private static TimeSpan AheadOf(CallsInStream calls, DateTimeOffset now) => calls.OpenedAt is { } server && server < now ? now - server : TimeSpan.Zero;

    private static async IAsyncEnumerable<IReadOnlyList<CallInStream>> UpToBoundAsync(CallsInStream calls, ulong first, string filter, [EnumeratorCancellation] CancellationToken ct)
    {
        var (read, bytes) = (0, 0L);
        await foreach (var batch in calls.ReadAsync(first, ct, filter))
        {
            yield return batch;
            (read, bytes) = (read + batch.Count, bytes + batch.Sum(message => (long)message.Size));
            if (read >= MaxMessages || bytes >= MaxBytes)
            {
                yield break;
            }
        }
    }
}
