using Connectors.Gateway.Scaling;
using Connectors.Provider.Contracts;
using CsCheck;

namespace Connectors.Gateway.Tests.Scaling;

/// <summary>How many replicas a function has by what waits in its queue.</summary>
public sealed class ReplicaRuleTests
{
    private static readonly FunctionLoad Idle = new(0, 0, IsCalled: false);

    [Theory]
    [InlineData(12, 0, 1, 3)]
    [InlineData(11, 4, 1, 3)]
    [InlineData(500, 0, 2, 10)]
    [InlineData(0, 12, 3, 3)] // all run: nobody more, nobody less
    [InlineData(0, 12, 1, 1)]
    [InlineData(0, 4, 3, 1)]
    [InlineData(0, 0, 3, 1)]
    [InlineData(1, 0, 0, 1)] // from zero by what waits
    [InlineData(30, 0, 0, 6)]
    [InlineData(0, 1, 0, 0)] // a call that runs wakes by itself
    public void By_what_waits_out_and_by_what_waits_and_runs_in(long waiting, long running, ulong replicas, ulong expected) =>
        Assert.Equal(expected, new ReplicaRule(TimeSpan.Zero).Next(Labels(("target", "5"), ("target-proportion", "1"), ("max", "10")), replicas, new FunctionLoad(waiting, running, false), TimeSpan.Zero));

    [Fact]
    public void The_last_replica_goes_when_nobody_needed_it_for_so_long()
    {
        var labels = Labels(("zero", "true"), ("zero-duration", "10m"));
        var rule = new ReplicaRule(TimeSpan.Zero);

        Assert.Equal(1ul, rule.Next(labels, 1, Idle, Minutes(9)));
        Assert.Equal(1ul, rule.Next(labels, 1, Idle with { IsCalled = true }, Minutes(10)));
        Assert.Equal(1ul, rule.Next(labels, 1, Idle, Minutes(19)));
        Assert.Equal(1ul, rule.Next(labels, 1, Idle with { Running = 1 }, Minutes(20)));
        Assert.Equal(1ul, rule.Next(labels, 1, Idle, Minutes(29)));
        Assert.Equal(0ul, rule.Next(labels, 1, Idle, Minutes(30)));
        Assert.Equal(0ul, rule.Next(labels, 0, Idle, Minutes(31)));
        Assert.Equal(1ul, new ReplicaRule(TimeSpan.Zero).Next(Labels(), 1, Idle, Minutes(10_000)));
    }

    [Fact]
    public void In_only_after_the_window_and_to_the_most_that_was_needed_in_it()
    {
        var labels = Labels(("target", "1"), ("target-proportion", "1"), ("down.window", "5m"));
        var rule = new ReplicaRule(TimeSpan.Zero);

        Assert.Equal(9ul, rule.Next(labels, 9, Idle with { Running = 2 }, Minutes(0)));
        Assert.Equal(9ul, rule.Next(labels, 9, Idle with { Running = 4 }, Minutes(4)));
        Assert.Equal(4ul, rule.Next(labels, 9, Idle with { Running = 1 }, Minutes(5)));
        Assert.Equal(4ul, rule.Next(labels, 4, Idle with { Running = 1 }, Minutes(6)));
        Assert.Equal(4ul, rule.Next(labels, 4, Idle with { Running = 4 }, Minutes(10)));
        Assert.Equal(4ul, rule.Next(labels, 4, Idle with { Running = 1 }, Minutes(11)));
    }

    [Fact]
    public void Within_its_bounds_never_to_zero_while_anything_is_to_do_and_more_waiting_is_never_fewer_replicas() =>
        Gen.Select(Gen.Double[0.1, 50], Gen.Int[1, 5], Gen.Int[5, 40], Gen.Long[0, 1_000_000], Gen.Long[0, 1000], Gen.Int[0, 60], Gen.Bool).Sample((target, min, max, waiting, running, replicas, isCalled) =>
        {
            var labels = Labels(("target", FormattableString.Invariant($"{target}")), ("min", $"{min}"), ("max", $"{max}"), ("zero", "true"), ("zero-duration", "0"));
            var load = new FunctionLoad(waiting, running, isCalled);
            ulong Next(FunctionLoad of) => new ReplicaRule(TimeSpan.Zero).Next(labels, (ulong)replicas, of, TimeSpan.Zero);
            var next = Next(load);

            Assert.True(next == 0 || (next >= (ulong)min && next <= (ulong)max) || next == (ulong)replicas, $"{next}");
            Assert.True(next <= (ulong)max, $"{next}");
            Assert.Equal(waiting == 0 && (replicas == 0 || (running == 0 && !isCalled)), next == 0);
            Assert.True(Next(load with { Waiting = waiting + 1 }) >= next);
            Assert.True(replicas == 0 || next <= (ulong)replicas || next == Next(load with { Running = 0 }), "those that run ask for no more");
        });

    private static ScaleLabels Labels(params (string Name, string Value)[] labels) =>
        ScaleLabels.Of(new FunctionSpec { Labels = labels.Append(("type", "queue")).ToDictionary(label => "com.openfaas.scale." + label.Item1, label => label.Item2) });

    private static TimeSpan Minutes(int minutes) => TimeSpan.FromMinutes(minutes);
}
