using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.Streams.Tests.Records;

public class AsideGroupTests
{
    private static readonly FunctionName Fn = new("fn.x", "ns");

    // A token as anybody may write it: bytes that need it not as their numbers, and these in small letters.
    private static readonly Gen<string> Written =
        (from c in Gen.Int[0, 4].Select(i => "aZ7-."[i])
         from how in Gen.Int[0, 3]
         select how == 0 ? $"={(int)c:X2}" : how == 1 ? $"={(int)c:x2}" : c == '.' ? "=2E" : $"{c}")
        .Array[1, 6].Select(parts => string.Concat(parts));

    private static readonly Gen<DateTimeOffset> Times = Gen.Long[0, TimeSpan.FromDays(36500).Ticks].Select(ticks => DateTimeOffset.UnixEpoch.AddTicks(ticks));

    [Fact]
    public void A_group_is_never_before_its_calls_and_at_most_half_a_second_behind() => Times.Sample(due =>
    {
        var behind = AsideGroup.At(due).Due!.Value - due;

        Assert.InRange(behind, TimeSpan.Zero, TimeSpan.FromMilliseconds(500) - TimeSpan.FromTicks(1));
    });

    [Fact]
    public void Subjects_name_their_group_and_their_function_and_sort_as_times_do() => Gen.Select(Times, Times, Gen.Bool).Sample((one, other, high) =>
    {
        var group = AsideGroup.At(one);
        var subject = StreamNames.AsideSubject("q", group, high ? Priority.High : Priority.Normal, Fn);

        Assert.Equal(group.Due, AsideGroup.Of(subject).Due);
        Assert.Equal(group.Consumer, AsideGroup.Of(subject).Consumer);
        Assert.Equal(Fn, StreamNames.FunctionOf(subject));
        Assert.True(StreamNames.IsOf(subject, Fn));
        Assert.StartsWith(group.Filter("q")[..^1], subject, StringComparison.Ordinal);
        Assert.Equal(
            Math.Sign(group.Due!.Value.CompareTo(AsideGroup.At(other).Due!.Value)), Math.Sign(string.CompareOrdinal(group.Token, AsideGroup.At(other).Token)));
    });

    [Fact]
    public void Held_calls_are_a_group_for_each_function()
    {
        var subject = StreamNames.AsideSubject("q", AsideGroup.Held(Fn), Priority.High, Fn);

        Assert.Equal(Fn, AsideGroup.Of(subject).Function);
        Assert.Equal("q.aside.held.*.ns.fn=2Ex", AsideGroup.Of(subject).Filter("q"));
        Assert.NotEqual(AsideGroup.Held(Fn).Consumer, AsideGroup.Held(new FunctionName("fn", "ns")).Consumer);
    }

    [Fact]
    public void However_long_a_functions_name_is_a_server_takes_the_consumers_of_its_group() => Gen.Select(Gen.Int[1, 200], Gen.Int[1, 200], Gen.Bool).Sample((name, ns, dots) =>
    {
        // A dot is three characters of a subject.
        var function = new FunctionName(new string(dots ? '.' : 'a', name), new string('b', ns));
        var group = AsideGroup.Of(StreamNames.AsideSubject("q", AsideGroup.Held(function), Priority.Normal, function));

        Assert.Equal(function, group.Function);
        Assert.InRange(group.Consumer.Length, 1, 255);
        Assert.NotEqual(group.Consumer, AsideGroup.Held(function with { Name = function.Name + "x" }).Consumer);
    });

    [Fact]
    public void What_a_group_asks_for_means_the_subject_that_it_was_found_by_however_that_is_written() => Gen.Select(Written, Written, Gen.Bool).Sample((ns, name, high) =>
    {
        var subject = $"q.aside.held.{(high ? "high" : "odd")}.{ns}.{name}";

        var group = AsideGroup.Of(subject);

        Assert.All(group.Filter("q").Split('.').Zip(subject.Split('.')), token => Assert.True(token.First == "*" || token.First == token.Second, $"{group.Filter("q")} does not mean {subject}"));
    });

    [Fact]
    public void A_pauses_key_names_its_queue_and_its_function()
    {
        Assert.Equal(("q", (FunctionName?)Fn), Pause.OfKey(Pause.Key("q", Fn)));
        Assert.Equal(("q", (FunctionName?)null), Pause.OfKey(Pause.Key("q", null)));
        Assert.Null(Pause.OfKey("other.q"));
        Assert.Null(Pause.OfKey("paused.q.ns.fn.more"));
    }

    [Fact]
    public void A_pause_reads_back_and_what_cannot_be_read_is_one_all_the_same()
    {
        var pause = new Pause { Reason = "日本", By = "me", At = DateTimeOffset.UnixEpoch };

        Assert.Equal(pause, Pause.Decode(pause.Encode(), DateTimeOffset.MaxValue));
        Assert.Equal(DateTimeOffset.UnixEpoch, Pause.Decode([1, 2], DateTimeOffset.UnixEpoch).At);
    }

    [Theory]
    [InlineData("q.aside.held.normal.ns")]
    [InlineData("q.aside.x")]
    [InlineData("q.aside.123.normal.ns.fn")]
    [InlineData("q.aside.+123456789012.normal.ns.fn")]
    [InlineData("q.aside.1764329999500")]
    [InlineData("q.aside.held.normal.ns.=61")]
    [InlineData("q.aside.held.normal.=6Es.fn")]
    [InlineData("q.aside.held.normal.ns.fn=2ex")]
    public void What_names_no_group_is_one_of_its_own(string subject)
    {
        var group = AsideGroup.Of(subject);

        Assert.Null(group.Due);
        Assert.Equal(subject, group.Filter("q"));
        Assert.DoesNotContain('.', group.Consumer);
    }
}
