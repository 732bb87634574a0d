using System.Collections.Concurrent;
using Connectors.Gateway.Enqueueing;

namespace Connectors.Gateway.Tests;

public class FreshIdTests
{
    [Fact]
    public void Ids_are_uuids_of_version_4_and_never_repeat_on_any_thread()
    {
        var ids = new ConcurrentBag<string>();

        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                ids.Add(FreshId.Next());
            }
        });

        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", id));
    }
}
