using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Queues;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.History;

/// <summary>
/// Finds calls that have not ended. Their streams have no index: an id that was made here tells when the call came in, and there the search begins; it ends
/// after a bounded number of messages or bytes. So a call may wait and not be found: one whose id is its caller's own and that stands far behind in a long queue.
/// </summary>
internal sealed class LiveCalls(NatsLink link, QueueOverview overview, TimeProvider time)
{
    private const int MaxMessages = 4_000;
    private const long MaxBytes = 64 * 1024 * 1024;

    // Between the making of an id and the storing of its call lie the reading of its body and a clock's error.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(2);

    /// <summary>What of this id waits, is delayed or runs.</summary>
    public async Task<IReadOnlyList<CallStory>> FindAsync(string callId, string? queue, FunctionName? function, CancellationToken ct)
    {
        var stories = new List<CallStory>();
        foreach (var one in queue is null ? (await overview.ListAsync(ct)).Where(q => q.Calls > 0 || q.Delayed > 0 || q.Held > 0).Select(q => q.Name) : [queue])
        {
            var tail = function is { } given ? $"{StreamNames.Token(given.Namespace)}.{StreamNames.Token(given.Name)}" : null;
            stories.AddRange(await FindInAsync(one, StreamNames.Calls(one), tail is null ? StreamNames.CallSubjects(one) : $"{one}.call.*.{tail}", callId, function, ct));
            stories.AddRange(await FindInAsync(one, StreamNames.Aside(one), tail is null ? StreamNames.AsideSubjects(one) : $"{one}.aside.*.*.{tail}", callId, function, ct));
        }

        return stories;
    }

    private async Task<IReadOnlyList<CallStory>> FindInAsync(string queue, string name, string filter, string callId, FunctionName? function, CancellationToken ct)
    {
        if (await CallsInStream.OpenAsync(link, name, ct) is not { } calls)
        {
            return [];
        }

        var now = time.GetUtcNow();
        var first = FreshId.TimeOf(callId) is { } made && made < now ? await calls.PlaceOfAsync(made - Slack, ct) : calls.First;
        var (read, bytes) = (0, 0L);
        await foreach (var batch in calls.ReadAsync(first, ct, filter))
        {
            var found = batch.Where(message => message.Call?.CallId == callId && (function is null || message.Call.FunctionName == function)).ToList();
            if (found.Count > 0)
            {
                var delivered = await calls.DeliveredAsync(ct);
                return [.. found.Select(message => CallStory.From(queue, message.Call!, message.Size, message.IsRunning(delivered, now), now))];
            }

            (read, bytes) = (read + batch.Count, bytes + batch.Sum(message => (long)message.Size));
            if (read >= MaxMessages || bytes >= MaxBytes)
            {
                break;
            }
        }

        return [];
    }
}
