using Connectors.Kafka.Client;

namespace Connectors.Kafka.Tests;

public class TopicNameTests
{
    [Theory]
    [InlineData("orders", "orders")]
    [InlineData("orders-*", "^orders-.*$")]
    [InlineData("eu.*.orders", @"^eu\..*\.orders$")]
    [InlineData("^orders-[0-9]+$", "^orders-[0-9]+$")]
    public void A_pattern_becomes_what_librdkafka_subscribes_to(string topic, string expected) => Assert.Equal(expected, TopicName.Subscription(topic));

    [Theory]
    [InlineData("a", true)]
    [InlineData("A-z_0.9", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("a b", false)]
    [InlineData("ä", false)]
    public void Names_follow_kafkas_rule(string topic, bool expected) => Assert.Equal(expected, TopicName.IsValid(topic));

    [Fact]
    public void A_name_has_at_most_249_characters()
    {
        Assert.True(TopicName.IsValid(new string('a', 249)));
        Assert.False(TopicName.IsValid(new string('a', 250)));
    }

    [Theory]
    [InlineData("{topic}.dead", @"^.*\.dead$")]
    [InlineData("dead-{topic}", "^dead-.*$")]
    [InlineData("lost", "^lost$")]
    public void Patterns_leave_out_dead_letters(string deadLetterTopic, string expected)
    {
        var options = Scene.Read(new() { ["topics"] = "orders*", ["on_failure"] = "dead_letter", ["dead_letter_topic"] = deadLetterTopic });

        Assert.Contains(expected, ClientProperties.Consumer(options)["topic.blacklist"].Split(','));
    }

    [Theory]
    [InlineData("orders", null)]
    [InlineData("orders,__consumer_offsets", null)]
    [InlineData("*", "^__consumer_offsets$,^__transaction_state$")]
    [InlineData("orders,^__.*", "^__consumer_offsets$,^__transaction_state$")]
    [InlineData("*,__consumer_offsets", "^__transaction_state$")]
    public void Patterns_leave_out_kafkas_own_topics_unless_they_are_named(string topics, string? expected) =>
        Assert.Equal(expected, ClientProperties.Consumer(Scene.Read(new() { ["topics"] = topics })).GetValueOrDefault("topic.blacklist"));
}
