using Connectors.Kafka.Records;
using CsCheck;

namespace Connectors.Kafka.Tests.Records;

public class OffsetNoteTests
{
    [Fact]
    public void A_note_is_read_as_it_was_written() =>
        Gen.Select(Gen.Long[0, 1L << 60], Gen.ULong, Gen.Int[0, 999_999_999], Gen.Long[0, 999_999_999_999_999]).Sample((offset, print, partitions, at) =>
        {
            LastRecord?[] records = [null, new LastRecord(offset, print)];
            TopicLook?[] looks = [null, new TopicLook(partitions, at)];
            foreach (var note in records.SelectMany(record => looks.Select(look => new OffsetNote(record, look))))
            {
                Assert.Equal(note, OffsetNote.Parse(note.ToString()));
            }
        });

    [Theory]
    [InlineData("")]
    [InlineData("somebody else's")]
    [InlineData("first-look 2")]
    [InlineData("first-look 2 99999999999999999")]
    [InlineData("first-look -1 5")]
    [InlineData("last-record 1 first-look 2 5 6")]
    public void Another_tools_note_has_neither_part(string note) => Assert.Equal(new OffsetNote(null, null), OffsetNote.Parse(note));
}
