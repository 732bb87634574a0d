using Connectors.Cron.Cursors;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Cron.Tests.Cursors;

/// <summary>What is remembered of cursors whose bucket is read anew, and is what it was, another one, or back at an earlier state.</summary>
public class CursorCacheTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    private readonly CursorCache _cache = new(new FakeTimeProvider(Noon));

    [Fact]
    public void Of_a_bucket_that_went_back_the_later_cursors_count_under_the_revisions_that_are_stored()
    {
        Note("ours", second: 9, revision: 500);
        Note("grown", second: 9, revision: 470);
        Note("theirs", second: 9, revision: 490);
        Note("lost", second: 9, revision: 495);

        Assert.True(Read(("ours", 5, 480), ("grown", 3, 510), ("theirs", 12, 520)));

        Assert.Equal((9, 480), Known("ours"));
        Assert.Equal((9, 510), Known("grown"));
        Assert.Equal((12, 520), Known("theirs"));
        Assert.Equal((9, 0), Known("lost"));
    }

    [Fact]
    public void What_is_written_to_a_bucket_that_went_back_is_news()
    {
        Note("a", second: 9, revision: 500);
        Read(("a", 5, 480));

        Note("a", second: 2, revision: 481);

        Assert.Equal((2, 481), Known("a"));
        Assert.False(Read(("a", 2, 481)));
    }

    [Fact]
    public void A_cursor_that_was_moved_back_by_hand_while_nobody_looked_is_taken_as_it_is()
    {
        Note("a", second: 9, revision: 500);

        Assert.False(Read(("a", 5, 501)));

        Assert.Equal((5, 501), Known("a"));
    }

    // The bucket went back, and others wrote to it until it was as far as before.
    [Fact]
    public void Of_two_cursors_with_the_same_revision_the_later_one_counts()
    {
        Note("a", second: 9, revision: 500);

        Note("a", second: 7, revision: 500);
        Assert.Equal((9, 500), Known("a"));
        Note("a", second: 12, revision: 500);
        Assert.Equal((12, 500), Known("a"));
    }

    [Fact]
    public void Of_another_bucket_the_later_cursors_count_and_what_this_replica_writes()
    {
        Note("met", second: 9, revision: 500);
        Note("written", second: 9, revision: 501);
        _cache.Unstore();

        Note("met", second: 5, revision: 1);
        _cache.Note("written", new Cursor(Noon.AddSeconds(3)), 2, storedAt: null);

        Assert.Equal((9, 1), Known("met"));
        Assert.Equal((3, 2), Known("written"));
    }

    [Fact]
    public void A_deletion_counts_against_what_it_deleted_only()
    {
        Note("a", second: 9, revision: 500);
        Note("b", second: 9, revision: 501);
        _cache.Forget("b", 502);
        Assert.Null(_cache.Latest("b"));

        Assert.True(_cache.Unstore(_cache.All, new Dictionary<string, ulong> { ["a"] = 480 }));
        _cache.Forget("a", 480);

        Assert.Equal((9, 0), Known("a"));
    }

    [Fact]
    public void However_two_news_of_a_key_come_at_once_the_keys_with_claims_are_those_that_have_some()
    {
        for (var i = 0; i < 20_000; i++)
        {
            var key = $"key{i}";
            Parallel.Invoke(
                () => _cache.Note(key, new Cursor(Noon, [new Claim(Noon, "replica", 0)]), 1, Noon),
                () => _cache.Note(key, new Cursor(Noon), 2, Noon));
        }

        Assert.Empty(_cache.WithClaims);
    }

    private void Note(string key, int second, ulong revision) => _cache.Note(key, new Cursor(Noon.AddSeconds(second)), revision, Noon);

    // As the store does. True if an earlier state has come back.
    private bool Read(params (string Key, int Second, ulong Revision)[] found)
    {
        var isEarlier = _cache.Unstore(_cache.All, found.ToDictionary(one => one.Key, one => one.Revision));
        Array.ForEach(found, one => Note(one.Key, one.Second, one.Revision));
        return isEarlier;
    }

    private (int Second, int Revision) Known(string key)
    {
        var known = _cache.Latest(key);
        Assert.NotNull(known);
        return ((int)(known.Cursor.Last - Noon).TotalSeconds, (int)known.Revision);
    }
}
