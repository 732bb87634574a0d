using Connectors.Streams.Nats;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

public sealed class OutstandingPullsTests
{
    [Fact]
    public void Six_messages_for_two_pulls_of_four_leave_what_their_ends_tell()
    {
        var pulls = new OutstandingPulls();
        pulls.Add(1, 4);
        pulls.Add(2, 4);

        Assert.Equal(6, pulls.Take(6));
        Assert.Equal(2, pulls.Total);
        Assert.Equal(1, pulls.End(1, 1));
        Assert.Equal(1, pulls.Total);
        Assert.Equal(1, pulls.End(2, 1));
        Assert.Equal(0, pulls.Total);
        Assert.Equal(0, pulls.Take(1));
    }

    [Fact]
    public void The_late_end_of_a_pull_that_was_given_up_takes_nothing_from_the_next()
    {
        var pulls = new OutstandingPulls();
        pulls.Add(1, 4);
        Assert.Equal(4, pulls.Clear());
        pulls.Add(2, 3);

        Assert.Equal(0, pulls.End(1, 4));
        Assert.Equal(3, pulls.Total);
    }

    /// <summary>However the server shares messages out among pulls and whichever it ends, what we think is outstanding is what the server thinks.</summary>
    [Fact]
    public void The_sum_is_the_servers() => Gen.Select(Gen.Int[0, 9], Gen.Int[1, 5]).Array[1, 60].Sample(steps =>
    {
        var pulls = new OutstandingPulls();
        var server = new List<(long Id, int Left)>();
        var id = 0L;
        foreach (var (kind, number) in steps)
        {
            if (kind < 4)
            {
                pulls.Add(++id, number);
                server.Add((id, number));
            }
            else if (kind < 8 && server.Count > 0)
            {
                var at = number % server.Count;
                server[at] = (server[at].Id, server[at].Left - 1);
                server.RemoveAll(pull => pull.Left == 0);
                Assert.Equal(1, pulls.Take(1));
            }
            else if (server.Count > 0)
            {
                var ended = server[number % server.Count];
                server.Remove(ended);
                Assert.Equal(ended.Left, pulls.End(ended.Id, ended.Left));
            }

            Assert.Equal(server.Sum(pull => pull.Left), pulls.Total);
        }
    });
}
