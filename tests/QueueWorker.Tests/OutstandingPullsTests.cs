using Connectors.Streams.Nats;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

public sealed class OutstandingPullsTests
{
    [Fact]
    public void Six_messages_for_two_pulls_of_four_leave_what_their_ends_tell()
    {
        var pulls = new OutstandingPulls();
        Send(pulls, 1, 4);
        Send(pulls, 2, 4);

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
        Send(pulls, 1, 4);
        Assert.Equal(4, pulls.Clear());
        Send(pulls, 2, 3);

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
                Send(pulls, ++id, number);
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

    [Fact]
    public void What_comes_is_not_for_a_pull_that_waits_to_be_sent()
    {
        var pulls = new OutstandingPulls();
        pulls.Add(1, 4);
        Send(pulls, 2, 8);

        Assert.Equal(8, pulls.Take(8));
        Assert.Equal(0, pulls.Take(1));
        Assert.Equal(0, pulls.End(2, 0));
        Assert.Equal(4, pulls.Total);
        Assert.True(pulls.Sent(1, 0, isEndTold: true, () => { }));
    }

    /// <summary>Room goes with a pull that is full by our count, but only once the server has told its end; and once, whatever happens.</summary>
    [Fact]
    public void A_pull_is_over_once_when_it_is_full_and_has_ended() => Gen.Select(Gen.Int[0, 11], Gen.Int[1, 5]).Array[1, 60].Sample(steps =>
    {
        var pulls = new OutstandingPulls();
        var server = new List<(long Id, int Left)>();
        var over = new Dictionary<long, int>();
        var id = 0L;
        foreach (var (kind, number) in steps)
        {
            if (kind < 5)
            {
                var next = ++id;
                pulls.Add(next, number);
                over[next] = 0;
                server.Add((next, number));
                Assert.True(pulls.Sent(next, 0, isEndTold: true, () => over[next]++));
            }
            else if (kind < 10 && server.Count > 0)
            {
                var at = number % server.Count;
                server[at] = (server[at].Id, server[at].Left - 1);
                pulls.Take(1);
                foreach (var done in server.Where(pull => pull.Left == 0).ToList())
                {
                    server.Remove(done);
                    pulls.End(done.Id, 0);
                }
            }
            else if (kind == 10 && server.Count > 0)
            {
                var ended = server[number % server.Count];
                server.Remove(ended);
                pulls.End(ended.Id, ended.Left);
            }
            else if (kind == 11 && number == 1)
            {
                server.Clear();
                pulls.Clear();
            }

            Assert.All(over.Values, times => Assert.InRange(times, 0, 1));
            Assert.All(server, pull => Assert.Equal(0, over[pull.Id]));
            Assert.True(server.Count > 0 || over.Values.Sum() == over.Count);
        }
    });

    private static void Send(OutstandingPulls pulls, long id, int count)
    {
        pulls.Add(id, count);
        Assert.True(pulls.Sent(id, 0, isEndTold: true, () => { }));
    }
}
