using System.Runtime.CompilerServices;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Events;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>
/// Yields ticks as they become due, those that were missed as the policy says, and those whose claim has lapsed. One loop serves all schedules, and goes
/// round over them however much one has to catch up with: whatever one of them throws is told, and it alone is looked at later or not at all.
/// </summary>
internal sealed class CronSource(LatestTopicMap topics, Timetable table, ICursorStore store, Claiming claiming, TimeProvider time, ILogger<CronSource> log) : IEventSource
{
    // The wall clock may be set, and a suspended machine's timers stand still: never sleep longer than this without a look at it.
    private static readonly TimeSpan MaxSleep = TimeSpan.FromSeconds(10);

    /// <summary>Between two looks at claims that may lapse or fail, or at ticks that are held back, and before another try with a cursor that could not be written.</summary>
    public static readonly TimeSpan ShortSleep = TimeSpan.FromSeconds(1);

    private const int ParallelOpenings = 32;

    // Cursors of schedules that are gone, until that is noted in them.
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private TopicMap? _map;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        await topics.FirstAsync(stoppingToken);
        while (true)
        {
            using var round = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await store.ReadyAsync(stoppingToken);
            var map = Update();
            await OpenAndRemoveAsync(stoppingToken);
            var (changed, goesOn) = (store.ChangedAsync(round.Token), claiming.GoesOnAsync(round.Token));

            // Before what is due: however much that is, what was claimed once comes first.
            foreach (var tick in store.WithClaims.Select(table.Find).OfType<EntryState>().SelectMany(claiming.Lapsed))
            {
                yield return tick;
            }

            foreach (var state in table.States)
            {
                foreach (var tick in await TicksAsync(state, slots, stoppingToken))
                {
                    yield return tick;
                }
            }

            await SleepAsync(changed, goesOn, topics.NextAsync(map, round.Token), round.Token);
            await round.CancelAsync();
            stoppingToken.ThrowIfCancellationRequested();
        }
    }

    private TopicMap Update()
    {
        var map = topics.Value;
        if (map != _map)
        {
            _map = map;
            _gone.UnionWith(table.Update(map, time.GetUtcNow()));
        }

        return map;
    }

    private async Task OpenAndRemoveAsync(CancellationToken ct)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = ParallelOpenings, CancellationToken = ct };
        _gone.RemoveWhere(key => table.Find(key) is not null);
        var failed = 0;
        await Parallel.ForEachAsync(_gone.ToList(), options, (key, token) => TryAsync(claiming.RemoveAsync(key, token)));
        _gone.RemoveWhere(claiming.IsClosed);
        await Parallel.ForEachAsync(
            table.States.Where(s => s.AbsentUntil is not null || claiming.IsClosed(s.Entry.Key)).ToList(), options, (state, token) => TryAsync(claiming.OpenAsync(state, token)));
        Metrics.CursorsAhead(table.States.Count(s => s.IsAhead));

        async ValueTask TryAsync(Task write)
        {
            try
            {
                await write;
            }
            catch (Exception fault) when (!ct.IsCancellationRequested)
            {
                Metrics.CursorFailed();
                if (Interlocked.Increment(ref failed) == 1)
                {
                    Log.OpenFailed(log, fault.Message);
                }
            }
        }
    }

    private async Task<IReadOnlyList<Tick>> TicksAsync(EntryState state, Slots slots, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var room = state.Fault is null ? state.Room(now, slots.Free, isOnly: table.States.Count == 1) : 0;
        if (room == 0)
        {
            return [];
        }

        try
        {
            // One that says that the schedule is gone, or does not say that it was, is not one to go by.
            if (store.Latest(state.Entry.Key) is not { Cursor.IsRemoved: false } stored || state.AbsentUntil is not null || !await claiming.CheckAsync(state, stored, ct))
            {
                state.WakeAt = now + ShortSleep;
                return [];
            }

            if (Find(state, stored.Cursor, now, room) is not { } due)
            {
                return [];
            }

            if (due.Fire.Count == 0)
            {
                await claiming.DropAsync(state, due.Missed, now, ct);
            }

            return [.. due.Fire.Select((tick, i) => claiming.Due(state, tick, i == 0 ? due.Missed : 0))];
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            Metrics.CursorFailed();
            Log.ClaimFailed(log, state.Function, state.Schedule, now, fault.Message);
            state.WakeAt = now + ShortSleep;
            return [];
        }
    }

    private DueTicks? Find(EntryState state, Cursor cursor, DateTimeOffset now, int room)
    {
        try
        {
            return state.Find(cursor, now, room);
        }
        catch (Exception fault)
        {
            table.Break(state, fault);
            return null;
        }
    }

    private async Task SleepAsync(Task changed, Task goesOn, Task nextMap, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var wake = now + (store.WithClaims.Count > 0 || table.States.Any(s => s.IsUnsettled) ? ShortSleep : MaxSleep);
        foreach (var state in table.States)
        {
            wake = state.WakeAt < wake ? state.WakeAt.Value : wake;
        }

        if (wake > now)
        {
            // Timers count whole milliseconds, and cut off what is over.
            await Task.WhenAny(Task.Delay(wake - now + TimeSpan.FromMilliseconds(1), time, ct), changed, goesOn, nextMap);
        }
    }
}
