using System.Collections.Concurrent;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Cron.Tests.Cursors;

public class ClaimsTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Noon);
    private readonly MemoryCursorStore _store;
    private readonly Claims _one;
    private readonly Claims _two;

    public ClaimsTests()
    {
        _store = new MemoryCursorStore(_time);
        (_one, _two) = (new Claims(_store, _time), new Claims(_store, _time));
    }

    [Fact]
    public async Task Of_two_replicas_one_gets_a_tick()
    {
        var entry = Entry(asynchronous: true);
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);
        await _two.OpenAsync(entry.Key, Noon.AddMinutes(-9), CancellationToken.None);

        Assert.Equal(ClaimResult.Won, await _one.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await _two.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await _one.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await _one.TakeAsync(entry, Noon, CancellationToken.None));
    }

    [Fact]
    public async Task Many_replicas_at_once_get_each_tick_once()
    {
        var entry = Entry(asynchronous: true);
        var won = new ConcurrentBag<DateTimeOffset>();
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);

        await Parallel.ForEachAsync(Enumerable.Range(0, 8), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, ct) =>
        {
            var replica = new Claims(_store, _time);
            for (var second = 1; second <= 300; second++)
            {
                var due = Noon.AddSeconds(second);
                if (await replica.TakeAsync(entry, due, ct) == ClaimResult.Won)
                {
                    won.Add(due);
                    await replica.RenewAsync(entry.Key, due, ct);
                    await replica.EndAsync(entry.Key, due, ct);
                }
            }
        });

        Assert.Equal(Enumerable.Range(1, 300).Select(s => Noon.AddSeconds(s)), won.Order());
        Assert.Equal("2026-01-02T12:05:00Z since=2026-01-02T12:00:00Z", _store.Latest(entry.Key)?.Cursor.ToString());
    }

    [Fact]
    public async Task A_lapsed_claim_is_taken_over_once()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        _time.Advance(Claims.LeaseTime);
        Assert.Empty(_two.Lapsed(entry.Key));
        Assert.Equal(ClaimResult.Lost, await _two.TakeOverAsync(entry, Noon, CancellationToken.None));

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(_two.Lapsed(entry.Key));
        Assert.Equal(ClaimResult.Won, await _two.TakeOverAsync(entry, Noon, CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await new Claims(_store, _time).TakeOverAsync(entry, Noon, CancellationToken.None));
        await _one.EndAsync(entry.Key, Noon, CancellationToken.None);
        Assert.Equal(_two.Replica, _store.Latest(entry.Key)?.Cursor.ClaimOf(Noon)?.Replica);
    }

    [Fact]
    public async Task Renewals_keep_a_claim_even_while_others_write_the_cursor()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        await _two.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None);
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(Claims.RenewalInterval);
            await _one.RenewAsync(entry.Key, Noon, CancellationToken.None);
        }

        Assert.Equal(Noon.AddSeconds(1), Assert.Single(_one.Lapsed(entry.Key)).Due);
    }

    [Fact]
    public async Task A_claim_handed_back_is_anyones_at_once()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        var changed = _store.ChangedAsync(CancellationToken.None);

        await _one.HandBackAsync(entry.Key, Noon, CancellationToken.None);

        Assert.True(changed.IsCompleted);
        Assert.Equal(ClaimResult.Won, await _two.TakeOverAsync(entry, Noon, CancellationToken.None));
    }

    [Fact]
    public async Task One_that_could_not_be_renewed_is_anothers_to_take_over_and_not_its_own_replicas()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);

        _time.Advance(Claims.LeaseTime + TimeSpan.FromSeconds(1));

        Assert.Empty(_one.Lapsed(entry.Key));
        Assert.Single(_two.Lapsed(entry.Key));
        await _one.EndAsync(entry.Key, Noon, CancellationToken.None);
        Assert.Empty(_store.Latest(entry.Key)!.Cursor.Open);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_was_written_without_its_replica_hearing_so_is_taken_up_by_that_one_at_once_and_once(bool asynchronous)
    {
        var entry = Entry(asynchronous);
        var due = Noon.AddSeconds(1);
        var replica = await UnheardAsync(entry, due);

        Assert.Equal(due, Assert.Single(replica.Doubted(entry.Key)).Due);
        Assert.Single(replica.Lapsed(entry.Key));
        Assert.Empty(_two.Doubted(entry.Key));
        Assert.Empty(_two.Lapsed(entry.Key));
        Assert.Equal(ClaimResult.Lost, await _two.TakeOverAsync(entry, due, CancellationToken.None));

        Assert.Equal(ClaimResult.Won, await replica.TakeOverAsync(entry, due, CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await replica.TakeOverAsync(entry, due, CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await replica.TakeAsync(entry, due, CancellationToken.None));
        Assert.Empty(replica.Doubted(entry.Key));
        await replica.EndAsync(entry.Key, due, CancellationToken.None);
        Assert.Empty(_store.Latest(entry.Key)!.Cursor.Open);
    }

    [Fact]
    public async Task One_that_was_taken_over_without_hearing_so_is_taken_up_at_once()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        await _one.HandBackAsync(entry.Key, Noon, CancellationToken.None);
        var store = new DeafStore(_store) { IsDeaf = true };
        var replica = new Claims(store, _time);
        await Assert.ThrowsAsync<IOException>(() => replica.TakeOverAsync(entry, Noon, CancellationToken.None));
        store.IsDeaf = false;

        Assert.Single(replica.Lapsed(entry.Key));
        Assert.Equal(ClaimResult.Won, await replica.TakeOverAsync(entry, Noon, CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await replica.TakeOverAsync(entry, Noon, CancellationToken.None));
    }

    [Fact]
    public async Task One_in_doubt_stays_while_later_ticks_are_claimed_and_is_ended_without_a_call_where_it_is_too_late()
    {
        var entry = Entry(asynchronous: false);
        var replica = await UnheardAsync(entry, Noon.AddSeconds(1));

        await WinAsync(replica, entry, Noon, 2, 9);

        Assert.Equal(Noon.AddSeconds(1), Assert.Single(replica.Doubted(entry.Key)).Due);
        Assert.True(await replica.EndLapsedAsync(entry.Key, Noon.AddSeconds(1), CancellationToken.None));
        Assert.Empty(replica.Doubted(entry.Key));
        Assert.Empty(_store.Latest(entry.Key)!.Cursor.Open);
    }

    [Fact]
    public async Task Where_runs_must_not_overlap_one_in_doubt_is_dropped_if_a_later_one_runs()
    {
        var entry = Entry(asynchronous: false, Overlap.Forbid);
        var replica = await UnheardAsync(entry, Noon.AddSeconds(1));

        // Nothing runs for one in doubt.
        Assert.Equal(ClaimResult.Won, await replica.TakeAsync(entry, Noon.AddSeconds(2), CancellationToken.None));

        Assert.Equal(ClaimResult.Overlaps, await replica.TakeOverAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
        Assert.Equal(Noon.AddSeconds(2), Assert.Single(_store.Latest(entry.Key)!.Cursor.Open).Due);
    }

    [Fact]
    public async Task Moved_back_by_hand_to_before_one_that_still_runs_the_cursor_goes_past_it_without_another_run()
    {
        var entry = Entry(asynchronous: false);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        await _store.TryWriteAsync(entry.Key, new Cursor(Noon.AddSeconds(-1)), _store.Latest(entry.Key), CancellationToken.None);

        Assert.Equal(ClaimResult.Lost, await _one.TakeAsync(entry, Noon, CancellationToken.None));

        Assert.Equal(Noon, _store.Latest(entry.Key)!.Cursor.Last);
    }

    [Fact]
    public async Task A_claim_that_nobody_holds_is_ended_once_without_a_call()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        Assert.False(await _two.EndLapsedAsync(entry.Key, Noon, CancellationToken.None));

        await _one.HandBackAsync(entry.Key, Noon, CancellationToken.None);

        Assert.True(await _two.EndLapsedAsync(entry.Key, Noon, CancellationToken.None));
        Assert.False(await _one.EndLapsedAsync(entry.Key, Noon, CancellationToken.None));
        Assert.Empty(_store.Latest(entry.Key)!.Cursor.Open);
    }

    [Fact]
    public async Task Where_runs_must_not_overlap_a_tick_is_dropped_while_one_runs()
    {
        var entry = Entry(asynchronous: false, Overlap.Forbid);
        Assert.Equal(ClaimResult.Won, await _one.TakeAsync(entry, Noon, CancellationToken.None));

        Assert.Equal(ClaimResult.Overlaps, await _two.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await _one.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
        await _one.EndAsync(entry.Key, Noon, CancellationToken.None);

        Assert.Equal(ClaimResult.Won, await _two.TakeAsync(entry, Noon.AddSeconds(2), CancellationToken.None));
    }

    [Fact]
    public async Task A_dead_replica_does_not_forbid_for_ever_and_its_call_is_not_repeated()
    {
        var entry = Entry(asynchronous: false, Overlap.Forbid);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        _time.Advance(Claims.LeaseTime + TimeSpan.FromSeconds(1));

        Assert.Equal(ClaimResult.Won, await _two.TakeAsync(entry, Noon.AddSeconds(8), CancellationToken.None));

        Assert.Equal(Noon.AddSeconds(8), Assert.Single(_store.Latest(entry.Key)!.Cursor.Open).Due);
    }

    [Fact]
    public async Task Dropping_moves_the_cursor_forward_once()
    {
        var entry = Entry(asynchronous: true);
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);

        Assert.True(await _one.DropAsync(entry.Key, Noon.AddSeconds(5), CancellationToken.None));
        Assert.False(await _two.DropAsync(entry.Key, Noon.AddSeconds(5), CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await _two.TakeAsync(entry, Noon.AddSeconds(5), CancellationToken.None));
    }

    [Fact]
    public async Task A_cursor_that_a_wrong_clock_moved_ahead_is_taken_back_and_no_tick_comes_twice()
    {
        // The one replica fires each second until 12:00:05, the other, an hour ahead, from 13:00:00 to 13:00:03.
        var entry = Entry(asynchronous: true);
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);
        var won = await WinAsync(_one, entry, Noon, 1, 5);
        won.AddRange(await WinAsync(_two, entry, Noon.AddHours(1), 0, 3));
        Assert.False(await _one.TakeBackAsync(entry.Key, Noon.AddHours(1), CancellationToken.None));

        Assert.True(await _one.TakeBackAsync(entry.Key, Noon.AddSeconds(6), CancellationToken.None));
        Assert.Equal("2026-01-02T12:00:06Z ahead=2026-01-02T12:59:59Z/2026-01-02T13:00:03Z", _store.Latest(entry.Key)!.Cursor.ToString());

        // The wrong clock is still there: what it fires now joins what it fired before.
        won.AddRange(await WinAsync(_two, entry, Noon.AddHours(1), 0, 6));
        Assert.True(await _one.TakeBackAsync(entry.Key, Noon.AddSeconds(7), CancellationToken.None));
        Assert.Equal("2026-01-02T12:00:07Z ahead=2026-01-02T12:59:59Z/2026-01-02T13:00:06Z", _store.Latest(entry.Key)!.Cursor.ToString());

        won.AddRange(await WinAsync(_one, entry, Noon, 8, 3_610));
        Assert.Equal(won.Count, won.Distinct().Count());
        Assert.Equal(Enumerable.Range(1, 5).Concat(Enumerable.Range(8, 3_603)).Select(s => Noon.AddSeconds(s)), won.Order());
        Assert.Equal("2026-01-02T13:00:10Z since=2026-01-02T12:59:59Z", _store.Latest(entry.Key)!.Cursor.ToString());
    }

    [Fact]
    public async Task A_claim_of_a_wrong_clock_does_not_move_the_cursor_again_when_it_is_renewed_taken_over_or_ended()
    {
        var entry = Entry(asynchronous: true);
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);
        await _two.TakeAsync(entry, Noon.AddHours(1), CancellationToken.None);
        await _one.TakeBackAsync(entry.Key, Noon, CancellationToken.None);

        await _two.RenewAsync(entry.Key, Noon.AddHours(1), CancellationToken.None);
        Assert.Equal(Noon, _store.Latest(entry.Key)!.Cursor.Last);
        await _two.HandBackAsync(entry.Key, Noon.AddHours(1), CancellationToken.None);
        Assert.Equal(ClaimResult.Won, await _one.TakeOverAsync(entry, Noon.AddHours(1), CancellationToken.None));
        Assert.Equal(Noon, _store.Latest(entry.Key)!.Cursor.Last);
        await _one.EndAsync(entry.Key, Noon.AddHours(1), CancellationToken.None);

        Assert.Equal("2026-01-02T12:00:00Z ahead=2026-01-02T12:59:59Z/2026-01-02T13:00:00Z", _store.Latest(entry.Key)!.Cursor.ToString());
    }

    [Fact]
    public async Task A_removed_schedule_that_returns_counts_from_its_return()
    {
        var entry = Entry(asynchronous: true);
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);
        await WinAsync(_one, entry, Noon, 1, 5);
        Assert.False(_two.IsClosed(entry.Key));

        await _one.RemoveAsync(entry.Key, CancellationToken.None);
        Assert.True(_two.IsClosed(entry.Key));
        await _two.OpenAsync(entry.Key, Noon.AddSeconds(40), CancellationToken.None);

        Assert.False(_one.IsClosed(entry.Key));
        Assert.Equal("2026-01-02T12:00:40Z", _store.Latest(entry.Key)!.Cursor.ToString());
    }

    [Fact]
    public async Task One_that_returns_before_its_last_tick_fires_no_tick_again()
    {
        var entry = Entry(asynchronous: true);
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);
        await WinAsync(_one, entry, Noon, 1, 5);
        await _one.RemoveAsync(entry.Key, CancellationToken.None);

        await _two.OpenAsync(entry.Key, Noon.AddSeconds(3), CancellationToken.None);

        Assert.Empty(await WinAsync(_two, entry, Noon, 3, 5));
        Assert.Single(await WinAsync(_two, entry, Noon, 6, 6));
    }

    // A replica that has written a claim and not heard so.
    private async Task<Claims> UnheardAsync(Entry entry, DateTimeOffset due)
    {
        await _one.OpenAsync(entry.Key, Noon, CancellationToken.None);
        var store = new DeafStore(_store) { IsDeaf = true };
        var replica = new Claims(store, _time);
        await Assert.ThrowsAsync<IOException>(() => replica.TakeAsync(entry, due, CancellationToken.None));
        store.IsDeaf = false;
        return replica;
    }

    // Claims, and ends, the ticks of these seconds; returns those won.
    private static async Task<List<DateTimeOffset>> WinAsync(Claims replica, Entry entry, DateTimeOffset start, int from, int to)
    {
        var won = new List<DateTimeOffset>();
        for (var second = from; second <= to; second++)
        {
            if (await replica.TakeAsync(entry, start.AddSeconds(second), CancellationToken.None) == ClaimResult.Won)
            {
                await replica.EndAsync(entry.Key, start.AddSeconds(second), CancellationToken.None);
                won.Add(start.AddSeconds(second));
            }
        }

        return won;
    }

    private static Entry Entry(bool asynchronous, Overlap overlap = Overlap.Allow)
    {
        var policy = TickPolicy.Read(new Settings(new Dictionary<string, string>()), asynchronous) with { Overlap = overlap };
        var function = new Function(new FunctionName("fn", "openfaas-fn"), new Dictionary<string, string> { ["schedule"] = "* * * * * *" });
        return Assert.Single(Connectors.Cron.Schedules.Entry.Of(function, policy));
    }

    /// <summary>While it is deaf it writes, and then knows nothing of that.</summary>
    private sealed class DeafStore(MemoryCursorStore store) : ICursorStore
    {
        public bool IsDeaf { get; set; }

        public IReadOnlyCollection<string> WithClaims => store.WithClaims;

        public Task ReadyAsync(CancellationToken ct) => store.ReadyAsync(ct);

        public StoredCursor? Latest(string key) => store.Latest(key);

        public Task<StoredCursor?> GetAsync(string key, CancellationToken ct) => store.GetAsync(key, ct);

        public async Task<bool> TryWriteAsync(string key, Cursor cursor, StoredCursor? replaces, CancellationToken ct)
        {
            var isWritten = await store.TryWriteAsync(key, cursor, replaces, ct);
            return IsDeaf ? throw new IOException("no answer") : isWritten;
        }

        public Task ChangedAsync(CancellationToken ct) => store.ChangedAsync(ct);
    }
}
