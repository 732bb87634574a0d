using Confluent.Kafka;
using Connectors.Kafka.Committing;
using Connectors.Kafka.Polling;
using Connectors.Kafka.Records;
using Connectors.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Connectors.Kafka.Tests.Polling;

/// <summary>What counts as having been there at first, whatever the group commits meanwhile.</summary>
public sealed class FirstLookTests : IDisposable
{
    private const string Topic = "orders";

    private readonly FakeTimeProvider _time = new();
    private readonly MockKafka _kafka = MockKafka.Start();
    private readonly FirstLook _look;
    private readonly TopicLook _own;

    public FirstLookTests()
    {
        _kafka.CreateTopic(Topic, 2);
        _look = new FirstLook([Topic, "later", "more-*"], _time);
        _own = new TopicLook(2, _time.GetUtcNow().ToUnixTimeMilliseconds());
        using var client = Clients.Consumer(_kafka.BootstrapServers, "readers");
        Assert.True(_look.TryTake(client.Handle, Eventually.Patience));
    }

    [Fact]
    public void The_first_answer_stands_when_the_group_has_committed_since()
    {
        Assert.Equal(_own, _look.Of(Topic, [], wasRead: false));

        Assert.Equal(_own, _look.Of(Topic, [Committed(0, "")], wasRead: false));
        Assert.Equal(_own, _look.Of(Topic, [Committed(0, "first-look 7 1")], wasRead: true));
    }

    [Fact]
    public void A_topic_that_was_not_there_is_all_new() => Assert.Null(_look.Of("later", [], wasRead: false));

    [Fact]
    public void A_topic_that_others_read_without_a_note_is_all_new() => Assert.Null(_look.Of(Topic, [Committed(0, "somebody else's"), None(1)], wasRead: true));

    [Fact]
    public void What_was_noted_first_is_what_the_group_saw()
    {
        var notes = new[] { "first-look 3 2000", "last-record 4 00000000000000ff first-look 1 1000", "last-record 4 00000000000000ff" };

        Assert.Equal(new TopicLook(1, 1000), _look.Of(Topic, notes.Select((note, number) => Committed(number, note)), wasRead: false));
    }

    [Fact]
    public void A_topic_of_which_the_group_lost_everything_is_all_new_from_then_on()
    {
        Assert.Equal(_own, _look.Of(Topic, [], wasRead: false));

        Assert.Null(_look.Of(Topic, [None(0), None(1)], wasRead: true));
        Assert.Null(_look.Of(Topic, [Committed(0, "")], wasRead: true));
    }

    [Fact]
    public void What_a_partition_holds_is_what_it_held_only_for_a_while_and_at_the_first_asking()
    {
        TopicPartition[] names = [new(Topic, 0), new(Topic, 1)];
        Assert.Empty(_look.Ask([names[0]]));
        Assert.Equal(names[0], Assert.Single(_look.Ask(names)));
        Assert.True(_look.IsFresh(_own));
        Assert.False(_look.IsFresh(new TopicLook(2, 1000)));

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.False(_look.IsFresh(_own));
    }

    // Gone are one that came later and the one that was there at first.
    [Fact]
    public void What_is_known_of_a_topic_that_came_and_has_been_gone_for_a_day_is_forgotten()
    {
        using var client = Clients.Consumer(_kafka.BootstrapServers, "readers");
        var noted = new TopicLook(1, 1000);
        string[] topics = [Topic, "more-stays", "more-passes"];
        _kafka.CreateTopic("more-stays");
        _kafka.DeleteTopic(Topic);
        foreach (var topic in topics)
        {
            Assert.Equal(noted, _look.Of(topic, [Committed(0, noted.ToString())], wasRead: false));
            _look.Seen.Add([new TopicPartition(topic, 0)]);
        }

        for (var hour = 0; hour < 24; hour++)
        {
            _time.Advance(TimeSpan.FromHours(1));
            _look.ForgetGone(client.Handle, Eventually.Patience);
            Assert.Equal(topics.Length, _look.Seen.All.Count);
        }

        _time.Advance(TimeSpan.FromHours(1));
        _look.ForgetGone(client.Handle, Eventually.Patience);

        Assert.Equal([Topic, "more-stays"], _look.Seen.All.Select(name => name.Topic).OrderBy(name => Array.IndexOf(topics, name)));
        Assert.Equal(noted, _look.Of(Topic, [], wasRead: false));
        Assert.Equal(noted, _look.Of("more-stays", [], wasRead: false));
        Assert.Null(_look.Of("more-passes", [], wasRead: false));
    }

    [Fact]
    public void One_that_came_back_in_time_is_not()
    {
        using var client = Clients.Consumer(_kafka.BootstrapServers, "readers");
        _look.Seen.Add([new TopicPartition("more-passes", 0)]);
        Forget(hours: 20);
        _kafka.CreateTopic("more-passes");
        Forget(hours: 1);
        _kafka.DeleteTopic("more-passes");
        Forget(hours: 20);
        Assert.NotEmpty(_look.Seen.All);

        Forget(hours: 5);
        Assert.Empty(_look.Seen.All);

        void Forget(int hours)
        {
            for (var hour = 0; hour < hours; hour++)
            {
                _time.Advance(TimeSpan.FromHours(1));
                _look.ForgetGone(client.Handle, Eventually.Patience);
            }
        }
    }

    public void Dispose() => _kafka.Dispose();

    private static CommittedOffset Committed(int partition, string note) => new(new TopicPartition(Topic, partition), 5) { Note = note };

    private static CommittedOffset None(int partition) => new(new TopicPartition(Topic, partition), -1001);
}
