using System.Collections.Concurrent;
using Connectors.Gateway.Enqueueing;

namespace Connectors.Gateway.Tests;

public class FreshIdTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    [Fact]
    public void Ids_are_uuids_of_version_7_and_never_repeat_on_any_thread()
    {
        var ids = new ConcurrentBag<string>();

        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                ids.Add(FreshId.Next(Now));
            }
        });

        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", id));
        Assert.All(ids, id => Assert.Equal(Now, FreshId.TimeOf(id)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("mine")]
    [InlineData("6f1b2a94-5f6f-4c2b-8f0e-0a6a2d9be001")]
    [InlineData("ffffffff-ffff-7fff-bfff-ffffffffffff")]
    public void An_id_that_was_not_made_here_tells_no_time(string id) => Assert.Null(FreshId.TimeOf(id));
}
