using System.Globalization;
using System.Text.RegularExpressions;

namespace Connectors.Kafka.Records;

/// <summary>What is noted with a committed offset.</summary>
/// <param name="LastDone">The last record that was done; null if there is none.</param>
/// <param name="Look">What was there of the topic when the group first looked; null if nothing is known of that.</param>
internal readonly record struct OffsetNote(LastRecord? LastDone, TopicLook? Look)
{
    /// <summary>Reads a note; of another tool's it has neither part.</summary>
    public static OffsetNote Parse(string note)
    {
        var at = note.IndexOf(TopicLook.Word, StringComparison.Ordinal);
        return at < 0
            ? new OffsetNote(LastRecord.Parse(note), null)
            : new OffsetNote(LastRecord.Parse(note[..at].TrimEnd(' ')), TopicLook.Parse(note[at..]));
    }

    /// <summary>The note; empty for nothing to be noted.</summary>
    public override string ToString() => $"{LastDone}{(LastDone is not null && Look is not null ? " " : "")}{Look}";
}

/// <summary>What was there of a topic when the group first looked: with <c>initial_offset=newest</c> all else of it is new.</summary>
/// <param name="Partitions">How many partitions it had.</param>
/// <param name="At">When that was, in milliseconds since 1970.</param>
internal readonly partial record struct TopicLook(int Partitions, long At)
{
    public const string Word = "first-look";

    /// <summary>
    /// How many partitions a topic counts as having had that was hidden from us: nobody knows which of them are new, so that their records' times decide.
    /// </summary>
    public const int Hidden = 999_999_999;

    /// <summary>Reads what stands for one in a note; null if it is none of ours.</summary>
    public static TopicLook? Parse(string note) =>
        Form().Match(note) is { Success: true } match
            ? new TopicLook(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture))
            : null;

    /// <summary>As it stands in a note.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Word} {Partitions} {At}");

    [GeneratedRegex("^first-look ([0-9]{1,9}) ([0-9]{1,15})$")]
    private static partial Regex Form();
}
