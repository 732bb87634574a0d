using System.Collections.Concurrent;
using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using Connectors.Sdk.Hosting;
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
        Assert.Equal(ClaimResult.Won, await _one.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None));
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
                    await replica.BeatAsync(entry.Key, due, ct);
                    await replica.EndAsync(entry.Key, due, ct);
                }
            }
        });

        Assert.Equal(Enumerable.Range(1, 300).Select(s => Noon.AddSeconds(s)), won.Order());
        Assert.Equal("2026-01-02T12:05:00Z", _store.Seen(entry.Key)?.Cursor.ToString());
    }

    [Fact]
    public async Task The_claim_of_a_silent_replica_is_taken_over_once()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        _time.Advance(Claims.Lease);
        Assert.Empty(_two.Silent(entry.Key));
        Assert.Equal(ClaimResult.Lost, await _two.TakeOverAsync(entry, Noon, CancellationToken.None));

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(_two.Silent(entry.Key));
        Assert.Equal(ClaimResult.Won, await _two.TakeOverAsync(entry, Noon, CancellationToken.None));
        Assert.Equal(ClaimResult.Lost, await new Claims(_store, _time).TakeOverAsync(entry, Noon, CancellationToken.None));
        await _one.EndAsync(entry.Key, Noon, CancellationToken.None);
        Assert.Equal(_two.Replica, _store.Seen(entry.Key)?.Cursor.ClaimOf(Noon)?.Replica);
    }

    [Fact]
    public async Task Beats_keep_a_claim_even_while_others_write_the_cursor()
    {
        var entry = Entry(asynchronous: true);
        await _one.TakeAsync(entry, Noon, CancellationToken.None);
        await _two.TakeAsync(entry, Noon.AddSeconds(1), CancellationToken.None);
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(Claims.BeatInterval);
            await _one.BeatAsync(entry.Key, Noon, CancellationToken.None);
        }

        Assert.Equal(Noon.AddSeconds(1), Assert.Single(_one.Silent(entry.Key)).Due);
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
        _time.Advance(Claims.Lease + TimeSpan.FromSeconds(1));

        Assert.Equal(ClaimResult.Won, await _two.TakeAsync(entry, Noon.AddSeconds(8), CancellationToken.None));

        Assert.Equal(Noon.AddSeconds(8), Assert.Single(_store.Seen(entry.Key)!.Cursor.Open).Due);
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

    private static Entry Entry(bool asynchronous, Overlap overlap = Overlap.Allow)
    {
        var policy = TickPolicy.Read(new Settings(new Dictionary<string, string>()), asynchronous) with { Overlap = overlap };
        var function = new Function(new FunctionName("fn", "openfaas-fn"), new Dictionary<string, string> { ["schedule"] = "* * * * * *" });
        return Assert.Single(Connectors.Cron.Schedules.Entry.Of(function, policy));
    }
}
