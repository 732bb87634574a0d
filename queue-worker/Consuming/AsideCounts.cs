using Connectors.Streams.Records;
using NATS.Client.JetStream.Models;

namespace Connectors.QueueWorker.Consuming;

/// <summary>
/// How many calls of each function lie aside, added up answer by answer, so that no more than one is held however many subjects there are. Answers are in the
/// order of the subjects: delayed calls by their times, then those that are held. What came before them meanwhile moves them from one answer to the next: a
/// subject that both tell of is counted once.
/// </summary>
internal sealed class AsideCounts
{
    private string _last = "";

    public Dictionary<string, long> Delayed { get; } = [];

    public Dictionary<string, long> Held { get; } = [];

    /// <summary>How many subjects were told of: where the next answer begins.</summary>
    public int Offset { get; private set; }

    /// <summary>Whether these were all.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>When the last of them is due, and no delayed call that was told of later; null if the last is of another kind.</summary>
    public DateTimeOffset? LastDue => AsideGroup.Of(_last).Due;

    /// <summary>Takes the next answer in.</summary>
    public void Add(StreamInfo answer)
    {
        var before = _last;
        foreach (var (subject, count) in answer.State.Subjects ?? new Dictionary<string, long>())
        {
            Offset++;
            if (string.CompareOrdinal(subject, before) <= 0)
            {
                continue;
            }

            var counts = AsideGroup.Of(subject).Function is null ? Delayed : Held;
            var label = QueueGauges.LabelOf(subject);
            counts[label] = counts.GetValueOrDefault(label) + count;
            _last = string.CompareOrdinal(subject, _last) > 0 ? subject : _last;
        }

        // Nothing new is told by a server that knows no offset, and where less lies by now than was said to.
        IsWhole = Offset >= answer.State.NumSubjects || _last == before;
    }
}
