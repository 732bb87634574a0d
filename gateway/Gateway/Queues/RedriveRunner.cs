using System.Collections.Concurrent;
using System.Text.Json;
using Connectors.Gateway.Enqueueing;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.KeyValueStore;

namespace Connectors.Gateway.Queues;

/// <summary>Works on the jobs in <c>OF_redrives</c>: its own, and those whose gateway is gone. The position moves after each letter.</summary>
internal sealed class RedriveRunner(RedriveJobs jobs, DeadLetters letters, Redriver redriver, QueueOptions options, TimeProvider time, ILogger<RedriveRunner> log)
    : BackgroundService
{
    // With their bodies; and with headers alone.
    private const int Batch = 16;
    private const int SearchBatch = 256;

    // Of one letter in a row, while NATS is there to count them. Each may have put the letter back once more: past the duplicate window that is another run.
    private const int MaxFailures = 3;

    // How soon a job whose gateway died is taken over: when nobody has written to it for so long by this gateway's own clock. What another's clock said would
    // make a job wait for as long as that one was ahead. Two gateways on one job would do no harm (R14), only work twice.
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    // How long a job of ours is not saved at most.
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // A letter that was read longer ago, or that waited for its turn, may be gone by now.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly string _owner = Guid.NewGuid().ToString("N");
    private readonly ConcurrentDictionary<string, Task> _running = new();

    // The revision of each job that somebody works on, and since when it is that.
    private readonly Dictionary<string, (ulong Revision, long Since)> _seen = [];

    // For the pace of jobs: a clock that is set back would have the next letter wait for as long.
    private readonly long _begun = time.GetTimestamp();

    // Jobs that were seen ended, or deleted, or are left to others: they lie there for a week, and need not be read again each time.
    private readonly HashSet<string> _ended = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Nats.IsSet)
        {
            return;
        }

        using var timer = new PeriodicTimer(Look, time);
        try
        {
            do
            {
                await AdoptAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping: the position is stored.
        }

        await Task.WhenAll(_running.Values);
    }

    private async Task AdoptAsync(CancellationToken stopping)
    {
        try
        {
            var ids = await jobs.ListAsync(stopping);
            _ended.IntersectWith(ids);
            foreach (var gone in _seen.Keys.Where(id => _ended.Contains(id) || !ids.Contains(id)).ToList())
            {
                _seen.Remove(gone);
            }

            foreach (var id in ids.Where(id => !_running.ContainsKey(id) && !_ended.Contains(id)))
            {
                try
                {
                    await AdoptAsync(id, stopping);
                }
                catch (Exception fault) when (fault is NatsKVException or JsonException)
                {
                    // A key of somebody else's that cannot even be asked for, or no job: the other jobs go on.
                    _ended.Add(id);
                    Log.RedriveNotRead(log, id, fault.Message);
                }
            }
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested && fault is NatsException or OperationCanceledException)
        {
            // NATS is away, which is told elsewhere: next time.
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested)
        {
            Log.RedrivesNotRead(log, fault.Message);
        }
        catch (Exception)
        {
            // Stopping, whatever fails in that moment: what runs is still waited for.
        }
    }

    private async Task AdoptAsync(string id, CancellationToken stopping)
    {
        if (await jobs.ReadAsync(id, stopping) is not { } stored || stored.Job.State != RedriveState.Running)
        {
            _ended.Add(id);
        }
        else if (stored.Job.Unknown is { Count: > 0 } unknown)
        {
            // A newer gateway's. What is not understood may be what keeps letters from being put back.
            _ended.Add(id);
            Log.RedriveNotRead(log, id, $"only a newer gateway knows what it says: {string.Join(", ", unknown.Keys)}");
        }
        else if (stored.Job.Owner is null || StandsStill(id, stored.Revision))
        {
            _seen.Remove(id);
            var task = RunAsync(stored, stopping);
            _running[id] = task;
            _ = task.ContinueWith(_ => _running.TryRemove(id, out var _), TaskScheduler.Default);
        }
    }

    private bool StandsStill(string id, ulong revision)
    {
        if (_seen.TryGetValue(id, out var seen) && seen.Revision == revision)
        {
            return time.GetElapsedTime(seen.Since) >= Lease;
        }

        _seen[id] = (revision, time.GetTimestamp());
        return false;
    }

    private async Task RunAsync(StoredJob stored, CancellationToken stopping)
    {
        try
        {
            Log.RedriveTaken(log, stored.Job.Id, stored.Job.Queue, stored.Job.Position);
            if (await SaveAsync(stored, stored.Job, stopping) is { } owned)
            {
                await WorkAsync(owned, stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // Goes on at its position: here after a restart, or with another gateway.
        }
        catch (Exception fault)
        {
            // NATS is away, so not even the failure could be stored: the lease runs out, and somebody goes on.
            Log.RedriveInterrupted(log, stored.Job.Id, stored.Job.Queue, fault.Message);
        }
    }

    private async Task WorkAsync(StoredJob owned, CancellationToken stopping)
    {
        var filter = new DeadFilter(owned.Job.Function is { } name ? Sdk.Invocation.FunctionName.Parse(name, "") : null, owned.Job.Reason, owned.Job.Since, owned.Job.Until, owned.Job.Tag);
        var work = new Work(owned) { Due = Elapsed, IsSearch = !filter.IsOfFunction };
        try
        {
            while (await PageAsync(work, filter, stopping))
            {
                // The next one.
            }
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested)
        {
            await FailAsync(work.Stored, work.At, work.IsBegun || !IsAway(fault), fault, stopping);
        }
    }

    // One page of letters. False: it was the last, or the job is somebody else's now.
    private async Task<bool> PageAsync(Work work, DeadFilter filter, CancellationToken stopping)
    {
        work.At = null;
        var readAt = time.GetTimestamp();
        var batch = await letters.ReadAsync(
            work.Job.Queue, filter.Function, work.Job.Position, work.IsSearch ? SearchBatch : Batch, headersOnly: work.IsSearch, stopping);
        var meant = batch.Where(letter => letter.Seq <= work.Job.Last && filter.Matches(letter)).ToList();
        if (work.IsSearch && meant.Count > 0)
        {
            work.Stored = work.Stored.At(meant[0].Seq - 1);
            work.IsSearch = false;
            return true;
        }

        foreach (var letter in meant)
        {
            stopping.ThrowIfCancellationRequested();
            if (!await PutBackAsync(work, letter, readAt, stopping))
            {
                return false;
            }
        }

        var isLast = batch.Count == 0 || batch[^1].Seq >= work.Job.Last;
        work.Stored = work.Stored.At(isLast ? work.Job.Last : batch[^1].Seq);
        if (isLast)
        {
            await EndAsync(work.Stored, stopping);
            return false;
        }

        work.IsSearch = meant.Count == 0 && !filter.IsOfFunction;
        return work.TryTake(await KeepAsync(work.Stored, stopping));
    }

    // False: the job is somebody else's now.
    private async Task<bool> PutBackAsync(Work work, DeadLetter letter, long readAt, CancellationToken stopping)
    {
        work.At = letter.Seq;
        (var waited, work.Due) = await PaceAsync(work.Stored, work.Due, stopping);
        if (!work.TryTake(waited))
        {
            return false;
        }

        if (await FreshAsync(work.Job, letter, readAt, stopping) is not { } fresh)
        {
            // Deleted meanwhile, or put back by somebody else.
            work.Stored = work.Stored.At(letter.Seq);
            return true;
        }

        work.IsBegun = true;
        if (!work.TryTake(await StepAsync(work.Stored, fresh)))
        {
            return false;
        }

        work.IsBegun = false;
        return true;
    }

    private async Task EndAsync(StoredJob stored, CancellationToken stopping)
    {
        if (await SaveAsync(stored, stored.Job with { State = RedriveState.Done, Error = null }, stopping) is not null)
        {
            Log.RedriveEnded(log, stored.Job.Id, stored.Job.Queue, stored.Job.Redriven, stored.Job.Skipped);
        }
    }

    // Null if it is gone.
    private async Task<DeadLetter?> FreshAsync(RedriveJob job, DeadLetter letter, long readAt, CancellationToken stopping) =>
        job.RatePerSecond is not null || time.GetElapsedTime(readAt) > Fresh ? await letters.FindAsync(job.Queue, letter.Seq, stopping) : letter;

    // Null: the job is somebody else's now.
    private async Task<StoredJob?> StepAsync(StoredJob stored, DeadLetter letter)
    {
        // Once begun it is noted, though this gateway stops: whoever goes on would do it again.
        var isOurs = await redriver.RedriveAsync(stored.Job.Queue, letter, edited: null) != RedriveResult.NotOurs;
        return await SaveAsync(
            stored,
            stored.Job with { Position = letter.Seq, Redriven = stored.Job.Redriven + (isOurs ? 1 : 0), Skipped = stored.Job.Skipped + (isOurs ? 0 : 1), Failures = 0, Error = null },
            CancellationToken.None);
    }

    // What would fail the same way again ends the job, and so does what failed a few times; else it goes on when its lease runs out, and says meanwhile why it waits.
    private async Task FailAsync(StoredJob stored, ulong? at, bool counts, Exception fault, CancellationToken stopping)
    {
        var reason = at is { } seq ? $"at {seq}: {fault.Message}" : $"after {stored.Job.Position}: {fault.Message}";
        if (counts || stored.Job.Error != reason)
        {
            Log.RedriveInterrupted(log, stored.Job.Id, stored.Job.Queue, reason);
        }

        var failed = stored.Job with { Failures = stored.Job.Failures + (counts ? 1 : 0), Error = reason };
        var isEnd = !MayPass(fault) || failed.Failures >= MaxFailures;
        await SaveAsync(stored, isEnd ? failed with { State = RedriveState.Stopped } : failed, stopping);
    }

    private static bool MayPass(Exception fault) => fault switch
    {
        NatsPayloadTooLargeException => false,
        NatsJSApiException refused => Outage.MayPass(refused.Error),
        NatsException or OperationCanceledException or NotStoredException { IsFull: false } => true,
        _ => false,
    };

    // Whether the servers that hold the letters say that they are away, or nothing: it may be so for hours, and a letter that was not taken up is not put back twice.
    private static bool IsAway(Exception fault) => fault is NatsJSApiNoResponseException or NatsNoReplyException || (fault is NatsJSApiException refused && Outage.MayPass(refused.Error));

    // Waits until the next letter is due, and keeps the job. Null: it is somebody else's now.
    private async Task<(StoredJob? Stored, TimeSpan Due)> PaceAsync(StoredJob stored, TimeSpan due, CancellationToken stopping)
    {
        var kept = await KeepAsync(stored, stopping);
        if (stored.Job.RatePerSecond is not { } rate)
        {
            return (kept, due);
        }

        // The clock is read once: a wait of minus one millisecond would last for ever.
        while (kept is not null && due - Elapsed is var rest && rest > TimeSpan.Zero)
        {
            await Task.Delay(rest < MaxPause ? rest : MaxPause, time, stopping);
            kept = await KeepAsync(kept, stopping);
        }

        var now = Elapsed;
        return (kept, (due < now - MaxPause ? now : due) + TimeSpan.FromSeconds(1 / rate));
    }

    // Long before the lease is over; at once where the clock was set back.
    private async Task<StoredJob?> KeepAsync(StoredJob stored, CancellationToken ct) =>
        Now - stored.Job.UpdatedAt is var age && age >= TimeSpan.Zero && age < MaxPause ? stored : await SaveAsync(stored, stored.Job, ct);

    private Task<StoredJob?> SaveAsync(StoredJob old, RedriveJob job, CancellationToken ct) =>
        jobs.ChangeAsync(old, job with { Owner = _owner, OwnedUntil = Now + Lease, UpdatedAt = Now }, ct);

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    private TimeSpan Elapsed => time.GetElapsedTime(_begun);

    /// <summary>How far a job is, also when something fails.</summary>
    private sealed class Work(StoredJob owned)
    {
        /// <summary>The job as it is now, its position perhaps further on than it is stored.</summary>
        public StoredJob Stored { get; set; } = owned;

        public RedriveJob Job => Stored.Job;

        /// <summary>When the next letter may go, by <see cref="Elapsed"/>.</summary>
        public TimeSpan Due { get; set; }

        /// <summary>The letter that was taken up last of this page; null before the first.</summary>
        public ulong? At { get; set; }

        /// <summary>Whether that one may have been put back, and it is not noted.</summary>
        public bool IsBegun { get; set; }

        /// <summary>Whether letters are looked for without their bodies, as it is with what the server does not find by itself.</summary>
        public bool IsSearch { get; set; }

        /// <summary>Takes what was stored; false for null, when the job is somebody else's.</summary>
        public bool TryTake(StoredJob? stored)
        {
            Stored = stored ?? Stored;
            return stored is not null;
        }
    }
}
