using Connectors.Cron.Cursors;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Cron.Tests.Cursors;

public class MemoryCursorStoreTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_schedule_that_was_removed_is_forgotten_some_time_after_that_unless_it_is_back()
    {
        var time = new FakeTimeProvider(Noon);
        var store = new MemoryCursorStore(time);
        var claims = new Claims(store, time);
        foreach (var key in new[] { "stays", "goes", "returns" })
        {
            await claims.OpenAsync(key, Noon, CancellationToken.None);
        }

        await claims.RemoveAsync("goes", CancellationToken.None);
        await claims.RemoveAsync("returns", CancellationToken.None);
        await claims.OpenAsync("returns", Noon.AddHours(1), CancellationToken.None);
        time.Advance(MemoryCursorStore.Kept - TimeSpan.FromSeconds(1));
        await claims.DropAsync("stays", Noon.AddHours(2), CancellationToken.None);
        Assert.NotNull(store.Latest("goes"));

        time.Advance(TimeSpan.FromSeconds(1));
        await claims.DropAsync("stays", Noon.AddHours(3), CancellationToken.None);

        Assert.Null(store.Latest("goes"));
        Assert.NotNull(store.Latest("returns"));
        Assert.NotNull(store.Latest("stays"));
        await claims.OpenAsync("goes", Noon.AddDays(8), CancellationToken.None);
        Assert.False(claims.IsClosed("goes"));
    }
}
