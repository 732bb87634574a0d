using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;
using NATS.Client.Core;

namespace Connectors.Gateway.Queues;

/// <summary>
/// How many calls of a queue wait: what its stream holds, less what its workers say that they have. Every trigger asks for it again and again, and each look
/// costs the broker half a dozen requests: so all who ask share one look at a queue, which counts for a second.
/// </summary>
internal sealed class QueueBacklog(NatsLink link, WorkerReports reports, PauseBook book, TimeProvider time) : IDuty
{
    // A worker takes some time to start.
    private static readonly TimeSpan Ahead = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Since it began. One that failed too: a broker in trouble is asked no more often.
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(1);

    // By queue; the lock is for these alone.
    private readonly Dictionary<string, Look> _looks = [];

    /// <summary>The backlog as seen by a look that runs, or began less than a second ago; an empty one for a queue that nobody has called yet.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="ct">Ends the waiting. The look goes on, for others wait for it too.</param>
    /// <exception cref="NatsException">NATS is away or does not answer, or no queue can have this name.</exception>
    public Task<Backlog> OfAsync(string queue, CancellationToken ct)
    {
        // It may come from an annotation, as it was written there: a subject of any length would end the connection.
        if (!StreamNames.QueueName().IsMatch(queue))
        {
            throw new NatsException($"a queue's name is {StreamNames.QueueRule}");
        }

        Look? look;
        lock (_looks)
        {
            if (!_looks.TryGetValue(queue, out look) || IsOver(look))
            {
                Forget();
                _looks[queue] = look = new Look(LookAsync(queue), time.GetTimestamp());

                // All who asked may have given up when it fails.
                _ = look.Task.ContinueWith(failed => failed.Exception, TaskScheduler.Default);
            }
        }

        return look.Task.WaitAsync(ct);
    }

    public Task RunAsync(CancellationToken stoppingToken) => reports.ListenAsync("*", stoppingToken);

    private bool IsOver(Look look) => look.Task.IsCompleted && time.GetElapsedTime(look.Begun) >= Kept;

    // Whoever asks the scaler chooses the name, without credentials: there may be many, and none is remembered.
    private void Forget()
    {
        foreach (var (queue, look) in _looks)
        {
            if (IsOver(look))
            {
                _looks.Remove(queue);
            }
        }
    }

    private async Task<Backlog> LookAsync(string queue)
    {
        // Whoever begins it holds the lock, and waits for nothing.
        await Task.Yield();
        using var limit = new TimeLimit(Patience, time);
        try
        {
            await link.OpenAsync(limit.Token);
            return await ReadAsync(queue, limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new NatsException(link.IsOpen ? "no answer in time" : $"NATS is away: {link.Trouble}");
        }
    }

    private async Task<Backlog> ReadAsync(string queue, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var calls = await SubjectsAsync(StreamNames.Calls(queue), ">", _ => false, ct);
        var aside = await AsideAsync(queue, now + Ahead, ct);
        var isThere = calls is not null || aside is not null;
        var paused = await book.KnownAsync(ct);
        var broken = paused.BreakersOf(queue);
        var pausedFunctions = paused.FunctionsOf(queue);
        if (paused.Of(queue) is not null)
        {
            (calls, aside) = (null, null);
        }

        // What is due and still lies aside waits for a worker too: one that brings it back.
        var soon = NotPaused(aside).ToList();
        var stored = NotPaused(calls).Concat(soon.Select(group => KeyValuePair.Create(group.Key, IsDue(AsideGroup.Of(group.Key)) ? group.Value : 0))).ByFunction();
        var callbacks = await CallbacksAsync(queue, ct);
        var backlog = new Backlog(stored, soon.Select(group => StreamCounts.FunctionOf(group.Key)).ToHashSet(), callbacks, reports.Of(queue));
        Show(queue, isThere ? backlog.Waiting : null);
        return backlog;

        // No worker is needed for what is paused.
        IEnumerable<KeyValuePair<string, long>> NotPaused(Dictionary<string, long>? subjects) =>
            (subjects ?? []).Where(subject => !pausedFunctions.ContainsKey(StreamCounts.FunctionOf(subject.Key)));

        // What is held has no time.
        bool IsDue(AsideGroup group) => !(group.Due > now) && !(group.Function is { } function && broken.ContainsKey(function.ToString()));
    }

    // For the same reason only a queue that is there is shown.
    private static void Show(string queue, long? waiting)
    {
        if (waiting is { } calls)
        {
            Metrics.Waiting(queue, calls);
        }
        else
        {
            Metrics.WaitingGone(queue);
        }
    }

    // Null if there is no such stream. What is held has names behind those of all delayed calls, of which there may be hundreds of thousands: it is asked for apart.
    private async Task<Dictionary<string, long>?> AsideAsync(string queue, DateTimeOffset until, CancellationToken ct)
    {
        if (await SubjectsAsync(StreamNames.Aside(queue), ">", IsLater, ct) is not { } aside)
        {
            return null;
        }

        foreach (var (subject, count) in await SubjectsAsync(StreamNames.Aside(queue), AsideGroup.HeldSubjects(queue), _ => false, ct) ?? [])
        {
            aside[subject] = count;
        }

        return aside.Where(group => !IsLater(group.Key)).ToDictionary();

        bool IsLater(string subject) => AsideGroup.Of(subject).Due >= until;
    }

    private async Task<long> CallbacksAsync(string queue, CancellationToken ct) => (await link.FindStreamAsync(StreamNames.Callbacks(queue), ct))?.State.Messages ?? 0;

    // Null if there is no such stream.
    private async Task<Dictionary<string, long>?> SubjectsAsync(string stream, string filter, Func<string, bool> isPast, CancellationToken ct) =>
        await link.FindCountsAsync(stream, filter, isPast, ct) is { } found ? new Dictionary<string, long>(found.BySubject()) : null;

    private sealed record Look(Task<Backlog> Task, long Begun);
}

/// <summary>What there is to do in a queue.</summary>
/// <param name="Stored">Calls that have not ended, by function (<c>name.namespace</c>): waiting, to be retried, or running; none of what is paused.</param>
/// <param name="Soon">Functions that have delayed calls which are due, or will be within seconds.</param>
/// <param name="Callbacks">Callback records that were not delivered yet.</param>
/// <param name="InHand">Calls that workers have.</param>
internal sealed record Backlog(IReadOnlyDictionary<string, long> Stored, IReadOnlySet<string> Soon, long Callbacks, CallsInHand InHand)
{
    /// <summary>Calls that wait for a worker: due, and running in none.</summary>
    public long Waiting => Stored.Sum(function => InHand.Waiting(function.Key, function.Value));

    /// <summary>
    /// Whether a worker is needed: calls that are to be retried come due, and callbacks are delivered by workers too. What runs needs its worker, also where the
    /// queue or the function was paused meanwhile, which leaves nothing of it in <see cref="Stored"/>.
    /// </summary>
    public bool IsOpen => Callbacks > 0 || Soon.Count > 0 || Stored.Values.Any(count => count > 0) || InHand.Running.Values.Any(count => count > 0);

    /// <summary>A function's calls that wait for a worker.</summary>
    public long WaitingOf(string function) => InHand.Waiting(function, Stored.GetValueOrDefault(function));

    /// <summary>Whether a function is needed: one of its calls runs, or is due now or soon.</summary>
    public bool Needs(string function) => WaitingOf(function) > 0 || Soon.Contains(function) || InHand.Running.GetValueOrDefault(function) > 0;
}
