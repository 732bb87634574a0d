using System.Runtime.CompilerServices;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.History;

/// <summary>
/// Finds calls that have not ended. Their streams have no index: an id that tells when it was made tells about when the call came in, and there the search begins;
/// what lies before is looked through where it is not found. It ends after a bounded number of messages or bytes of each stream, and after some seconds for all of
/// them. So a call may wait and not be found: one whose id is its caller's own and that stands far behind in a long queue.
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
        using var limit = new TimeLimit(isKnown ? BesideOthers : MaxTime, time, ct);
        var found = await LookAsync(isBefore: false);

        // That reads much more of long streams, and is for a call of which nothing else is known: one that was put back lies behind its id's time, unless that is yet to
        // come.
        if (FreshId.TimeOf(callId) is { } made && (!isKnown || made > time.GetUtcNow()) && found.All(stories => stories is null or { Count: 0 }))
        {
            var before = await LookAsync(isBefore: true);
            found = [.. found.Zip(before, (behind, early) => behind is null && early is { Count: 0 } ? null : early)];
        }

        return ([.. found.OfType<IReadOnlyList<CallStory>>().SelectMany(stories => stories)], [.. places.Where((_, i) => found[i] is null).Select(place => place.Stream)]);

        async Task<IReadOnlyList<CallStory>?[]> LookAsync(bool isBefore)
        {
            var looks = new IReadOnlyList<CallStory>?[places.Count];
            await Parallel.ForEachAsync(Enumerable.Range(0, places.Count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
            {
                var (one, stream, filter) = places[i];
                if (all?.Missing.Contains(stream) != true)
                {
                    looks[i] = await TryFindInAsync(one, stream, filter, callId, function, isBefore, limit.Token);
                }
            });
            return looks;
        }
    }

    /// <summary>
    /// How far the callbacks of ended calls are that the history has as due. One that is not found, behind too many others or because nobody tells of them in time,
    /// stays as it is.
    /// </summary>
    public async Task<IReadOnlyList<CallStory>> WithDueCallbacksAsync(IReadOnlyList<CallStory> stories, CancellationToken ct)
    {
        var records = new Dictionary<(string Queue, string DeliveryId, int Redrive), CallbackRecord>();
        using var limit = new TimeLimit(BesideOthers, time, ct);
        foreach (var due in stories.Where(IsDue).GroupBy(story => story.Queue))
        {
            try
            {
                await ReadCallbacksAsync(due.Key, [.. due], records, limit.Token);
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

    // Records are stored just before their calls end, and copies of them, to be posted again, later: the last one counts, and what lies before that time only where
    // there is none behind it, as far as all behind it was read.
    private async Task ReadCallbacksAsync(
        string queue, IReadOnlyList<CallStory> due, Dictionary<(string Queue, string DeliveryId, int Redrive), CallbackRecord> records, CancellationToken ct)
    {
        if (await CallsInStream.OpenAsync(link, StreamNames.Callbacks(queue), ct) is not { } callbacks)
        {
            return;
        }

        var wanted = due.Select(story => (queue, story.DeliveryId, story.Redrive)).ToHashSet();
        var filter = due.Select(story => story.Function).Distinct().Count() == 1
            ? StreamNames.CallbackSubject(queue, FunctionName.Parse(due[0].Function, ""))
            : StreamNames.CallbackSubjects(queue);
        var place = await callbacks.PlaceOfAsync(due.Min(story => story.EndedAt!.Value) - Slack, ct);
        if (!await ReadAsync(place, ulong.MaxValue))
        {
            return;
        }

        foreach (var (first, last) in Before(callbacks, place))
        {
            wanted.ExceptWith(records.Keys);
            if (wanted.Count == 0)
            {
                return;
            }

            await ReadAsync(first, last);
        }

        // False if it ended at a bound: then the record may lie further on.
        async Task<bool> ReadAsync(ulong first, ulong last)
        {
            var bound = new Bound();
            await foreach (var batch in UpToBoundAsync(callbacks, first, last, filter, bound, ct))
            {
                foreach (var message in batch)
                {
                    if (message.Call is { } call && wanted.Contains((queue, call.DeliveryId, call.Redrive)) && message.Callback is { } record)
                    {
                        records[(queue, call.DeliveryId, call.Redrive)] = record;
                    }
                }
            }

            return !bound.IsReached;
        }
    }

    // Null if it could not be looked through.
    private async Task<IReadOnlyList<CallStory>?> TryFindInAsync(
        string queue, string name, string filter, string callId, FunctionName? function, bool isBefore, CancellationToken ct)
    {
        try
        {
            return await FindInAsync(queue, name, filter, callId, function, isBefore, ct);
        }
        catch (Exception fault) when (fault is NatsException or OperationCanceledException)
        {
            return null;
        }
    }

    // From its time on, or what lies before that.
    private async Task<IReadOnlyList<CallStory>> FindInAsync(
        string queue, string name, string filter, string callId, FunctionName? function, bool isBefore, CancellationToken ct)
    {
        if (await CallsInStream.OpenAsync(link, name, ct) is not { } calls)
        {
            return [];
        }

        var now = time.GetUtcNow();
        var place = FreshId.TimeOf(callId) is { } made ? await calls.PlaceOfAsync((made < now ? made : now) - AheadOf(calls, now) - Slack, ct) : calls.First;
        foreach (var (first, last) in isBefore ? Before(calls, place) : [(place, ulong.MaxValue)])
        {
            await foreach (var batch in UpToBoundAsync(calls, first, last, filter, new Bound(), ct))
            {
                var found = batch.Where(message => message.Call?.CallId == callId && (function is null || message.Call.FunctionName == function)).ToList();
                if (found.Count > 0)
                {
                    var delivered = await calls.DeliveredAsync(ct);
                    return [.. found.Select(message => CallStory.From(queue, message.Call!, message.Size, message.IsRunning(delivered, now), now))];
                }
            }
        }

        return [];
    }

    // Most ids are made by this clock, or one like it, and messages lie in the order of the server's. One that is behind has the search begin early, which finds the call too.
    private static TimeSpan AheadOf(CallsInStream calls, DateTimeOffset now) => calls.OpenedAt is { } server && server < now ? now - server : TimeSpan.Zero;

    // A time is a hint: the clock that told it, a caller's perhaps, may be ahead of the server's. What lies just before its place, then the rest from the beginning; each
    // within the bounds.
    private static IEnumerable<(ulong First, ulong Last)> Before(CallsInStream calls, ulong place)
    {
        var near = place - calls.First > MaxMessages ? place - MaxMessages : calls.First;
        if (near < place)
        {
            yield return (near, place - 1);
        }

        if (calls.First < near)
        {
            yield return (calls.First, near - 1);
        }
    }

    private static async IAsyncEnumerable<IReadOnlyList<CallInStream>> UpToBoundAsync(
        CallsInStream calls, ulong first, ulong last, string filter, Bound bound, [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var batch in calls.ReadAsync(first, ct, filter, last))
        {
            yield return batch;
            bound.Add(batch);
            if (bound.IsReached)
            {
                yield break;
            }
        }
    }

    /// <summary>How much of a stream is read at most.</summary>
    private sealed class Bound
    {
        private int _read;
        private long _bytes;

        public bool IsReached => _read >= MaxMessages || _bytes >= MaxBytes;

        public void Add(IReadOnlyList<CallInStream> batch)
        {
            _read += batch.Count;
            _bytes += batch.Sum(message => (long)message.Size);
        }
    }
}
