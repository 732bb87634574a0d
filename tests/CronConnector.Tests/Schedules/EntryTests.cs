using Connectors.Cron.Schedules;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sdk.Topics;

namespace Connectors.Cron.Tests.Schedules;

public class EntryTests
{
    private static readonly TickPolicy Defaults = TickPolicy.Read(new Settings(new Dictionary<string, string>()), asynchronous: false);

    [Fact]
    public void Annotations_override_the_connectors_options()
    {
        var entry = Assert.Single(Read(
            ("schedule", "* * * * *"), ("com.openfaas.cron.async", "true"), ("com.openfaas.cron.body", "{\"a\":1}"), ("com.openfaas.cron.content_type", "application/json"),
            ("com.openfaas.cron.catch_up", "last"), ("com.openfaas.cron.overlap", "forbid"), ("com.openfaas.cron.jitter", "30s")));

        Assert.True(entry.Policy.Asynchronous);
        Assert.Equal((CatchUp.Last, Overlap.Forbid, TimeSpan.FromSeconds(30)), (entry.Policy.CatchUp, entry.Policy.Overlap, entry.Policy.Jitter));
        Assert.Equal(("{\"a\":1}", "application/json"), (entry.Body, entry.ContentType));
    }

    [Fact]
    public void Without_them_the_options_hold()
    {
        var entry = Assert.Single(Read(("schedule", "* * * * *")));

        Assert.Equal(Defaults, entry.Policy);
        Assert.Equal(("", null), (entry.Body, entry.ContentType));
        Assert.Equal(TimeSpan.Zero, entry.Delay);
    }

    [Theory]
    [InlineData("com.openfaas.cron.async", "yes")]
    [InlineData("com.openfaas.cron.catch_up", "some")]
    [InlineData("com.openfaas.cron.overlap", "maybe")]
    [InlineData("com.openfaas.cron.jitter", "-5s")]
    [InlineData("com.openfaas.cron.jitter", "2h")]
    public void A_bad_annotation_is_told_by_its_name(string name, string value)
    {
        var fault = Assert.Throws<BadScheduleException>(() => Read(("schedule", "* * * * *"), (name, value)));

        Assert.Equal(BadSchedule.Annotation, fault.Reason);
        Assert.Contains(name, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_zone_that_does_not_exist_is_a_bad_schedule() =>
        Assert.Equal(BadSchedule.Zone, Assert.Throws<BadScheduleException>(() => Read(("schedule", "* * * * *"), ("timezone", "Nowhere"))).Reason);

    [Fact]
    public void Another_name_of_the_same_zone_makes_another_schedule() =>
        Assert.NotEqual(
            Assert.Single(Read(("schedule", "0 9 * * *"), ("timezone", "UTC"))).Key, Assert.Single(Read(("schedule", "0 9 * * *"), ("timezone", "Etc/UTC"))).Key);

    [Fact]
    public void Function_schedule_and_zone_make_its_identity_and_nothing_else_does()
    {
        var one = Assert.Single(Read(("schedule", "* * * * *")));

        Assert.Equal(one.Key, Assert.Single(Read(("schedule", " * * * * * "), ("com.openfaas.cron.body", "x"))).Key);
        Assert.NotEqual(one.Key, Assert.Single(Read(("schedule", "*/2 * * * *"))).Key);
        Assert.NotEqual(one.Key, Assert.Single(Read(("schedule", "* * * * *"), ("timezone", "Asia/Kolkata"))).Key);
        Assert.NotEqual(one.Key, Assert.Single(Entry.Of(Function("other", ("schedule", "* * * * *")), Defaults)).Key);
        Assert.Matches("^[-/_=.a-zA-Z0-9]+$", Assert.Single(Entry.Of(Function("ü.x y", ("schedule", "* * * * *")), Defaults)).Key);
    }

    [Fact]
    public void Jitter_spreads_functions_over_its_time_each_always_by_the_same()
    {
        var delays = Enumerable.Range(0, 1_000)
            .Select(i => Assert.Single(Entry.Of(Function($"fn-{i}", ("schedule", "* * * * *"), ("com.openfaas.cron.jitter", "60s")), Defaults)).Delay.TotalSeconds)
            .ToList();

        Assert.All(delays, d => Assert.InRange(d, 0, 60));
        Assert.InRange(delays.Average(), 27, 33);
        Assert.InRange(delays.Min(), 0, 1);
        Assert.InRange(delays.Max(), 59, 60);
        Assert.Equal(delays[7], Assert.Single(Entry.Of(Function("fn-7", ("schedule", "* * * * *"), ("com.openfaas.cron.jitter", "60s")), Defaults)).Delay.TotalSeconds);
    }

    private static IReadOnlyList<Entry> Read(params (string Name, string Value)[] annotations) => Entry.Of(Function("fn", annotations), Defaults);

    private static Function Function(string name, params (string Name, string Value)[] annotations) =>
        new(new FunctionName(name, "openfaas-fn"), annotations.ToDictionary(a => a.Name, a => a.Value));
}
