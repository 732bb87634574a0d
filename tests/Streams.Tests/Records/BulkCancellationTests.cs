using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.Streams.Tests.Records;

/// <summary>Which calls a bulk cancellation means.</summary>
public sealed class BulkCancellationTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void It_means_what_waited_when_it_was_made_and_nothing_later()
    {
        var all = new BulkCancellation { At = At };

        Assert.True(all.Covers("q", Call(-1)));
        Assert.True(all.Covers("q", Call(0)));
        Assert.False(all.Covers("q", Call(1)));
    }

    [Fact]
    public void Every_word_of_the_filter_narrows_it()
    {
        var call = Call(-60) with { Tags = ["a", "b"] };

        Assert.All([new() { At = At, Queue = "q" }, new() { At = At, Function = "f.ns" }, new() { At = At, Tag = "b" }, new() { At = At, Since = At.AddSeconds(-60) }, new() { At = At, Until = At.AddSeconds(-59) }, new() { At = At, States = ["waiting", "retry"] }], (BulkCancellation one) => Assert.True(one.Covers("q", call)));
        Assert.All([new() { At = At, Queue = "r" }, new() { At = At, Function = "f.other" }, new() { At = At, Tag = "c" }, new() { At = At, Since = At.AddSeconds(-59) }, new() { At = At, Until = At.AddSeconds(-60) }, new() { At = At, States = ["delayed"] }], (BulkCancellation one) => Assert.False(one.Covers("q", call)));
    }

    [Fact]
    public void The_state_is_the_one_of_the_time_when_it_was_made() => Gen.Int[-100, 100].Array[3].Sample(offsets =>
    {
        var call = Call(-200) with { Due = At.AddSeconds(offsets[0]), NotBefore = At.AddSeconds(offsets[1]), FirstAt = offsets[2] > offsets[0] ? At.AddSeconds(offsets[2]) : null };
        var state = WaitStates.All.Single(state => new BulkCancellation { At = At, States = [state] }.Covers("q", call));

        // What happens to it afterwards changes nothing.
        var later = call with { Attempt = call.Attempt + 1, FirstAt = call.FirstAt ?? At.AddSeconds(Math.Max(1, offsets[0])), NotBefore = At.AddSeconds(1000) };
        return state == WaitStates.Of(later, At) && state == (offsets[0] > 0 ? "delayed" : call.FirstAt <= At ? "retry" : "waiting");
    });

    [Fact]
    public void What_was_written_is_read_back_and_what_is_not_understood_means_nothing()
    {
        var written = new BulkCancellation { At = At, Queue = "q", Function = "f.ns", Tag = "t", States = ["retry"], Since = At.AddDays(-1), Until = At };

        Assert.Equivalent(written, BulkCancellation.TryDecode(written.Encode()), strict: true);
        Assert.Null(BulkCancellation.TryDecode("{\"at\":\"2026-01-02T12:00:00+00:00\",\"region\":\"eu\"}"u8.ToArray()));
        Assert.Null(BulkCancellation.TryDecode("{}"u8.ToArray()));
        Assert.Null(BulkCancellation.TryDecode([]));
    }

    [Fact]
    public void Its_key_is_no_call_ids() => Gen.String.Sample(id => !BulkCancellation.IsKey(StreamNames.Token(id)));

    private static Envelope Call(int seconds) => new() { CallId = "c", DeliveryId = "d", Function = "f", Namespace = "ns", Submitted = At.AddSeconds(seconds) };
}
