using System.Runtime.CompilerServices;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Events;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron.Ticking;

/// <summary>Yields ticks as they become due, those that were missed as the policy says, and those whose replica fell silent.</summary>
internal sealed class CronSource(LatestTopicMap topics, Timetable table, ICursorStore store, TickDuties duties, ILogger<CronSource> log) : IEventSource
{
    // The wall clock may be set, and a suspended machine's timers stand still: never sleep longer than this without a look at it.
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ClaimsPoll = TimeSpan.FromSeconds(1);
    private const int ParallelOpenings = 32;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        var map = await topics.FirstAsync(stoppingToken);
        table.Update(map);
        while (true)
        {
            using var round = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await store.ReadyAsync(stoppingToken);
            await OpenAsync(stoppingToken);
            var changed = store.ChangedAsync(round.Token);
            var wake = duties.Time.GetUtcNow() + LongestSleep;
            foreach (var line in table.Lines)
            {
                foreach (var tick in await TicksAsync(line, stoppingToken))
                {
                    yield return tick;
                }

                wake = Earlier(wake, WakeFor(line));
            }

            foreach (var tick in store.WithClaims.Select(table.Find).OfType<Line>().SelectMany(SilentTicks).ToList())
            {
                yield return tick;
            }

            await SleepAsync(wake, changed, topics.NextAsync(map, round.Token), round.Token);
            await round.CancelAsync();
            stoppingToken.ThrowIfCancellationRequested();
            if (topics.Value != map)
            {
                map = topics.Value;
                table.Update(map);
            }
        }
    }

    private async Task OpenAsync(CancellationToken ct)
    {
        var unopened = table.Lines.Where(l => store.Seen(l.Entry.Key) is null).ToList();
        await Parallel.ForEachAsync(
            unopened,
            new ParallelOptions { MaxDegreeOfParallelism = ParallelOpenings, CancellationToken = ct },
            async (line, token) => await duties.Claims.OpenAsync(line.Entry.Key, duties.Time.GetUtcNow(), token));
    }

    private async Task<IReadOnlyList<Tick>> TicksAsync(Line line, CancellationToken ct)
    {
        var now = duties.Time.GetUtcNow() - line.Entry.Delay;
        if (store.Seen(line.Entry.Key) is not { } seen || line.Last(seen.Cursor.Last) is var last && line.Next(last) is not { } next || next > now)
        {
            return [];
        }

        var due = DueTicks.Find(line.Entry.Schedule, last, now, line.Entry.Policy);
        if (due.Fire.Count == 0)
        {
            await DropAsync(line, due, last, now, ct);
        }

        return [.. due.Fire.Select((tick, i) => new Tick(line.Entry, tick, new DueClaiming(line, tick, i == 0 ? due.Missed : 0, duties), duties))];
    }

    // All that was due was missed: the cursor moves past it without a claim.
    private async Task DropAsync(Line line, DueTicks due, DateTimeOffset last, DateTimeOffset now, CancellationToken ct)
    {
        if (await duties.Claims.DropAsync(line.Entry.Key, now, ct) && due.Missed > 0 && last < now)
        {
            Metrics.Missed(line.Entry.Function.ToString(), due.Missed);
            Log.Missed(log, line.Entry.Function.ToString(), line.Entry.Schedule.ToString(), due.Missed);
        }
    }

    private IEnumerable<Tick> SilentTicks(Line line) =>
        from claim in line.Entry.Policy.Asynchronous ? duties.Claims.Silent(line.Entry.Key).ToList() : []
        where line.BeginTakeOver(claim.Due)
        select new Tick(line.Entry, claim.Due, new TakeOver(line, claim.Due, duties), duties);

    private DateTimeOffset? WakeFor(Line line) =>
        store.Seen(line.Entry.Key) is { } seen && line.Next(line.Last(seen.Cursor.Last)) is { } next ? next + line.Entry.Delay : null;

    private async Task SleepAsync(DateTimeOffset wake, Task changed, Task nextMap, CancellationToken ct)
    {
        var time = wake - duties.Time.GetUtcNow();
        if (store.WithClaims.Count > 0 && time > ClaimsPoll)
        {
            time = ClaimsPoll;
        }

        if (time > TimeSpan.Zero)
        {
            // Timers count whole milliseconds, and cut off what is over.
            await Task.WhenAny(Task.Delay(time + TimeSpan.FromMilliseconds(1), duties.Time, ct), changed, nextMap);
        }
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset? other) => other < one ? other.Value : one;
}
