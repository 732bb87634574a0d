using Connectors.QueueWorker.Consuming;
using Connectors.Streams.Records;
using CsCheck;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Tests;

/// <summary>What lies aside, counted from the answers of a server that tells of some subjects at a time.</summary>
public sealed class AsideCountsTests
{
    private const string Label = "echo.openfaas-fn";
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly string Held = StreamNames.AsideSubject("q", AsideGroup.Held(Bench.Echo), Priority.Normal, Bench.Echo);

    [Fact]
    public void Answers_are_added_up_until_they_have_told_of_all()
    {
        var counts = new AsideCounts();

        counts.Add(Answer(4, Delayed(1), Delayed(2)));
        Assert.Equal((2, false, (DateTimeOffset?)Start.AddSeconds(2)), (counts.Offset, counts.IsWhole, counts.LastDue));
        counts.Add(Answer(4, Held, "q.aside.odd"));

        Assert.Equal((4, true, (DateTimeOffset?)null), (counts.Offset, counts.IsWhole, counts.LastDue));
        Assert.Equal(new Dictionary<string, long> { [Label] = 2, ["foreign"] = 1 }, counts.Delayed);
        Assert.Equal(new Dictionary<string, long> { [Label] = 1 }, counts.Held);
    }

    [Fact]
    public void What_moved_to_the_next_answer_meanwhile_is_counted_once()
    {
        var counts = new AsideCounts();

        counts.Add(Answer(3, Delayed(1), Delayed(2)));
        counts.Add(Answer(4, Delayed(2), Delayed(3)));

        Assert.True(counts.IsWhole);
        Assert.Equal(3, counts.Delayed[Label]);
    }

    [Fact]
    public void A_server_that_knows_no_offset_or_holds_less_than_it_said_is_not_asked_for_ever()
    {
        var (same, fewer) = (new AsideCounts(), new AsideCounts());
        foreach (var counts in new[] { same, fewer })
        {
            counts.Add(Answer(9, Delayed(1), Delayed(2)));
            Assert.False(counts.IsWhole);
        }

        same.Add(Answer(9, Delayed(1), Delayed(2)));
        fewer.Add(Answer(9));

        Assert.Equal((true, 2L), (same.IsWhole, same.Delayed[Label]));
        Assert.Equal((true, 2L), (fewer.IsWhole, fewer.Delayed[Label]));
    }

    [Fact]
    public void However_the_subjects_are_cut_into_answers_the_figures_are_the_same() =>
        Gen.Select(Gen.Int[1, 5], Gen.Int[0, 100_000].Array[0, 30]).Sample((size, seconds) =>
        {
            var subjects = seconds.Distinct().Order().Select(Delayed).Append(Held).ToArray();
            var counts = new AsideCounts();
            while (!counts.IsWhole)
            {
                counts.Add(Answer(subjects.Length, [.. subjects.Skip(counts.Offset).Take(size)]));
            }

            return counts.Delayed.GetValueOrDefault(Label) == subjects.Length - 1 && counts.Held[Label] == 1;
        });

    private static string Delayed(int seconds) => StreamNames.AsideSubject("q", AsideGroup.At(Start.AddSeconds(seconds)), Priority.Normal, Bench.Echo);

    private static StreamInfo Answer(long all, params string[] subjects) => new()
    {
        Config = new StreamConfig("S", ["q.aside.>"]),
        Created = Start,
        State = new StreamState { NumSubjects = all, Subjects = subjects.ToDictionary(subject => subject, _ => 1L) },
    };
}
